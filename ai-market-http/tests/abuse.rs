//! Slow, greedy and hostile clients: what they cost the server, and that others do not notice.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::coordinator::Coordinator;
use ai_market_http::{RateLimit, RouteOptions, Server, ServerBuilder};
use common::soon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

const SHORT: Duration = Duration::from_millis(40);
const LONG: Duration = Duration::from_secs(600);
const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A server that runs until it is dropped.
struct Served {
    address: SocketAddr,
    coordinator: Coordinator,
    _stop: DropGuard,
}

/// Starts a server that has a lot of patience, except where `change` says.
async fn serve(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Served {
    let coordinator = common::coordinator().build().unwrap();
    let patient = Server::builder(coordinator.clone())
        .address(([127, 0, 0, 1], 0))
        .header_timeout(LONG)
        .idle_timeout(LONG)
        .write_timeout(LONG)
        .answer_timeout(LONG);
    let server = change(patient).bind().await.unwrap();
    let address = server.local_addr();
    let stop = CancellationToken::new();
    tokio::spawn(server.run(stop.clone()));
    Served {
        address,
        coordinator,
        _stop: stop.drop_guard(),
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes and reads until the server ends the connection.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }
}

/// What still comes; the end may be a reset.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks for the health and tells the status.
async fn health(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.ok();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"{\"ok\":true}") {
        let mut more = [0; 1024];
        match soon(stream.read(&mut more)).await {
            Ok(count @ 1..) => bytes.extend_from_slice(&more[..count]),
            _ => break,
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    text.split(' ').nth(1).unwrap_or("none").to_owned()
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_ended() {
    let served = serve(|builder| builder.header_timeout(SHORT)).await;
    assert_eq!(served.exchange(b"").await, "");
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_awaited() {
    let served = serve(|builder| builder.header_timeout(SHORT)).await;
    assert_eq!(
        served
            .exchange(b"GET /health HTTP/1.1\r\nhost: local")
            .await,
        ""
    );
}

#[tokio::test]
async fn a_head_that_trickles_gains_no_time() {
    let served = serve(|builder| builder.header_timeout(SHORT)).await;
    let (mut reading, mut writing) = served.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        writing.write_all(b"GET /health HTTP/1.1\r\nx: ").await.ok();
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut bytes = Vec::new();
    soon(reading.read_to_end(&mut bytes)).await.ok();
    assert!(bytes.is_empty());
    soon(trickle).await.unwrap();
}

#[tokio::test]
async fn a_second_head_that_never_ends_is_not_awaited() {
    let served = serve(|builder| builder.header_timeout(SHORT)).await;
    let mut stream = served.connect().await;
    assert_eq!(health(&mut stream).await, "200");
    stream.write_all(b"GET /").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn between_requests_there_is_more_time_than_for_a_head() {
    let served = serve(|builder| builder.header_timeout(SHORT)).await;
    let mut stream = served.connect().await;
    assert_eq!(health(&mut stream).await, "200");
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(health(&mut stream).await, "200");
}

#[tokio::test]
async fn an_idle_connection_is_ended() {
    let served = serve(|builder| builder.idle_timeout(SHORT)).await;
    let mut stream = served.connect().await;
    assert_eq!(health(&mut stream).await, "200");
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_request_that_waits_is_not_idle() {
    let served = serve(|builder| builder.header_timeout(SHORT).idle_timeout(SHORT)).await;
    let task = TaskSpec::new("t");
    let id = served.coordinator.enqueue(vec![task]).await.remove(0);
    let request = format!(
        "GET /tasks/{}?wait_seconds=1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        id.unwrap()
    );
    let answer = served.exchange(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let served = serve(|builder| builder.answer_timeout(SHORT)).await;
    let task = TaskSpec::new("t");
    let id = served.coordinator.enqueue(vec![task]).await.remove(0);
    let request = format!(
        "GET /tasks/{}?wait_seconds=20 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        id.unwrap()
    );
    let answer = served.exchange(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains(r#"{"error":{"code":"unavailable""#));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    const PAGES: usize = 40;
    let served = serve(|builder| builder.write_timeout(SHORT)).await;
    let mut stream = served.connect().await;
    // More than the system keeps for a reader who does not come.
    let request = b"GET /docs HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(&request.repeat(PAGES)).await.unwrap();
    // The server has ended it once writing fails.
    let ended = async {
        while stream.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(SHORT).await;
        }
    };
    soon(ended).await;
    let got = rest(&mut stream).await;
    assert!(got.matches("HTTP/1.1 200 OK").count() < PAGES);
    let mut other = served.connect().await;
    assert_eq!(health(&mut other).await, "200");
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let options = RouteOptions::new().with_body_timeout(SHORT);
    let served = serve(|builder| builder.routes(options)).await;
    for framing in ["content-length: 100000", "transfer-encoding: chunked"] {
        let (mut reading, mut writing) = served.connect().await.into_split();
        let head = format!(
            "POST /tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{framing}\r\n\r\n"
        );
        writing.write_all(head.as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            while writing.write_all(b"1\r\n \r\n").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let mut bytes = Vec::new();
        soon(reading.read_to_end(&mut bytes)).await.ok();
        let answer = String::from_utf8(bytes).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("did not arrive"), "{answer}");
        soon(trickle).await.unwrap();
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let served = serve(|builder| builder.max_header_bytes(10_000)).await;
    let head = |extra: &str| format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{extra}\r\n");
    let close = "connection: close\r\n";
    let fits = head(&format!("{close}x: {}\r\n", "x".repeat(9_000)));
    let answer = served.exchange(fits.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let long = head(&format!("x: {}\r\n", "x".repeat(10_000)));
    let many = head(&"x: y\r\n".repeat(100));
    for refused in [long, many] {
        let answer = served.exchange(refused.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn a_peer_with_too_many_connections_is_turned_away() {
    let served = serve(|builder| builder.max_connections_per_peer(1)).await;
    let mut first = served.connect().await;
    assert_eq!(health(&mut first).await, "200");
    let refused = served.exchange(b"").await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.contains(r#""code":"too_many_requests""#));
    // What was open stays, and others are let in.
    assert_eq!(health(&mut first).await, "200");
    #[cfg(target_os = "linux")]
    {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        let mut other = socket.connect(served.address).await.unwrap();
        assert_eq!(health(&mut other).await, "200");
    }
    drop(first);
    // The server may see the next one before it sees that the first has gone.
    let let_in = async { while health(&mut served.connect().await).await != "200" {} };
    soon(let_in).await;
}

#[tokio::test]
async fn what_is_not_read_is_bounded_in_all() {
    const DOCS: &[u8] = b"GET /docs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let roomy = serve(|builder| builder).await;
    let answer = roomy.exchange(DOCS).await;
    let (_, page) = answer.split_once("\r\n\r\n").unwrap();
    // Rounded up, as the room is.
    let one = page.len().next_multiple_of(1024);
    assert!(one > 64 * 1024);
    let served = serve(|builder| builder.max_unread_bytes(one)).await;
    let status = async |served: &Served| {
        let answer = served.exchange(DOCS).await;
        answer.split(' ').nth(1).unwrap_or("none").to_owned()
    };
    // As much as may be unread, at a time, again and again.
    for _ in 0..3 {
        soon(async { while status(&served).await != "200" {} }).await;
    }
    let small = serve(|builder| builder.max_unread_bytes(one - 1)).await;
    assert_eq!(status(&small).await, "503");
    // More than the system keeps for a reader who does not come.
    let mut greedy = served.connect().await;
    let request = b"GET /docs HTTP/1.1\r\nhost: localhost\r\n\r\n";
    greedy.write_all(&request.repeat(40)).await.unwrap();
    soon(async { while status(&served).await != "503" {} }).await;
    let answer = served.exchange(DOCS).await;
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains(r#"{"error":{"code":"unavailable""#));
    // Small answers need no room, and there is some again once the greedy one is gone.
    let mut other = served.connect().await;
    assert_eq!(health(&mut other).await, "200");
    drop(greedy);
    soon(async { while status(&served).await != "200" {} }).await;
}

/// Whether something comes within a moment.
async fn comes(stream: &TcpStream) -> bool {
    tokio::time::timeout(SHORT, stream.readable()).await.is_ok()
}

#[tokio::test]
async fn refusals_of_a_peer_are_held_back_and_nothing_else() {
    const BAD: &[u8] = b"POST /tasks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\n[";
    let once_a_second = RateLimit {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::MIN,
    };
    let served = serve(|builder| {
        builder
            .refusal_rate(Some(once_a_second))
            .max_refusal_delay(LONG)
            .header_timeout(SHORT)
            .idle_timeout(SHORT * 100)
    })
    .await;
    let mut first = served.connect().await;
    first.write_all(BAD).await.unwrap();
    let mut answer = [0; 13];
    soon(first.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400 ");
    // So many that the later ones are due only after more time than a test takes. A connection of
    // its own gains nothing.
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut stream = served.connect().await;
        stream.write_all(BAD).await.unwrap();
        held.push(stream);
    }
    let mut last = held.pop().unwrap();
    assert!(!comes(&last).await);
    // The address may be that of honest clients, too.
    let mut honest = served.connect().await;
    assert_eq!(health(&mut honest).await, "200");
    #[cfg(target_os = "linux")]
    {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        let mut other = socket.connect(served.address).await.unwrap();
        other.write_all(BAD).await.unwrap();
        soon(other.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400 ");
    }
    // Whoever is held back is not forgotten when the server stops.
    drop(served);
    let answer = rest(&mut last).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_heads_or_readers() {
    let coordinator = common::coordinator().build().unwrap();
    let server = Server::builder(coordinator)
        .address(([127, 0, 0, 1], 0))
        .grace(SHORT)
        .bind()
        .await
        .unwrap();
    let mut half = TcpStream::connect(server.local_addr()).await.unwrap();
    half.write_all(b"GET /he").await.unwrap();
    let mut greedy = TcpStream::connect(server.local_addr()).await.unwrap();
    let request = b"GET /docs HTTP/1.1\r\nhost: localhost\r\n\r\n";
    greedy.write_all(&request.repeat(40)).await.unwrap();
    let mut heard = TcpStream::connect(server.local_addr()).await.unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.run(stop.clone()));
    assert_eq!(health(&mut heard).await, "200");
    stop.cancel();
    soon(served).await.unwrap().unwrap();
}
