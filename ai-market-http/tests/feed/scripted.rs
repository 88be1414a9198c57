use std::future::{Future, pending};
use std::time::Duration;

use ai_market_core::api::{ApiError, ClientApi, EventFeed, Follow};
use ai_market_core::event::EventId;
use ai_market_http::HttpClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::common::soon;

/// Somebody who answers one request after the other as it is written, and then is gone.
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: UnboundedReceiver<String>,
}

/// What is sent, and what happens then.
pub(crate) enum Answer {
    /// A stream that goes on without a word.
    Open(String),
    /// A stream that ends as it should.
    Ended(String),
    /// A stream that is cut.
    Cut(String),
    /// These bytes, after which nothing comes.
    Plain(&'static str),
}

use Answer::{Cut, Ended, Open, Plain};

impl Answer {
    /// The answer to the `n`th request.
    fn bytes(&self, n: usize) -> String {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: stream-{n}\r\n"
        );
        match self {
            // Its end is that of the connection.
            Open(frames) | Ended(frames) => format!("{head}connection: close\r\n\r\n{frames}"),
            Cut(frames) => format!("{head}content-length: 1000000\r\n\r\n{frames}"),
            Plain(bytes) => (*bytes).to_owned(),
        }
    }
}

impl Scripted {
    pub(crate) async fn with(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Vec<_> = answers.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (ask, asked) = unbounded_channel();
        tokio::spawn(async move {
            let mut open = Vec::new();
            for (n, answer) in answers.iter().enumerate() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read_buf(&mut request).await.unwrap();
                    assert!(read > 0, "the request is whole");
                }
                let request = String::from_utf8(request).unwrap();
                let target = request.split(' ').nth(1).unwrap();
                ask.send(target.to_owned()).ok();
                // Whoever has read enough hangs up.
                stream.write_all(answer.bytes(n).as_bytes()).await.ok();
                if matches!(answer, Open(_) | Plain(_)) {
                    open.push(stream);
                }
            }
            drop(listener);
            // As long as the test.
            pending::<()>().await;
        });
        Self { url, asked }
    }

    pub(crate) async fn follow(&self, place: u64) -> Result<Box<dyn EventFeed>, ApiError> {
        soon(follow(&self.url, place)).await
    }

    /// What `answer` comes to where nothing happens after the request for it.
    pub(crate) async fn in_the_end<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let asked = async {
            self.asked.recv().await.unwrap();
            tokio::time::pause();
            pending::<()>().await;
        };
        let answer = soon(async {
            tokio::select! {
                answer = answer => answer,
                () = asked => unreachable!(),
            }
        });
        let answer = answer.await;
        tokio::time::resume();
        answer
    }

    /// After which places it was asked since.
    pub(crate) fn asked(&mut self) -> Vec<u64> {
        let asked = std::iter::from_fn(|| self.asked.try_recv().ok());
        let places = asked.map(|target| {
            let place = target.strip_prefix("/events?after=");
            place.unwrap_or_else(|| panic!("{target}")).parse().unwrap()
        });
        places.collect()
    }
}

/// Follows whoever is at `url` after `place`.
pub(crate) async fn follow(url: &str, place: u64) -> Result<Box<dyn EventFeed>, ApiError> {
    // Less than what a test may take, by whichever clock.
    let client = HttpClient::builder(url).timeout(Duration::from_secs(10));
    let client = client.build().unwrap();
    client
        .follow(Follow::new().after(EventId::from(place)))
        .await
}

pub(crate) fn hello(place: u64) -> String {
    let now = "2026-11-25T06:00:00.000000Z";
    format!(
        "retry: 1000\nid: {place}\nevent: hello\n\
         data: {{\"id\":\"{place}\",\"newest\":\"{place}\",\"now\":\"{now}\"}}\n\n"
    )
}

pub(crate) fn event(id: u64) -> String {
    frame(id, "market_reset", "")
}

/// An event of some kind, with more fields than all have.
pub(crate) fn frame(id: u64, kind: &str, fields: &str) -> String {
    let at = "2026-11-25T06:00:00.000000Z";
    format!(
        "id: {id}\nevent: {kind}\n\
         data: {{\"id\":\"{id}\",\"at\":\"{at}\",\"event\":\"{kind}\"{fields}}}\n\n"
    )
}

pub(crate) fn caught_up(place: u64) -> String {
    format!("id: {place}\nevent: caught_up\ndata: {{\"id\":\"{place}\"}}\n\n")
}

pub(crate) fn missed(after: u64, until: u64) -> String {
    format!("id: {until}\nevent: missed\ndata: {{\"after\":\"{after}\",\"until\":\"{until}\"}}\n\n")
}
