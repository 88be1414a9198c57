//! Streams of events over HTTP: who gets one, what it says, and when it ends.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ai_market_core::access::{ApiKey, KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::api::{ClientApi, ErrorCode, EventApi, Follow, TaskSpec};
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::event::EventId;
use ai_market_core::id::WorkerId;
use ai_market_core::store::MemoryStore;
use ai_market_core::time::{Clock, SystemClock, Timestamp};
use ai_market_http::{HttpClient, RouteOptions, Server};
use common::{Market, reqwest_client, soon};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

/// A stream as a browser reads it.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(market: &Market, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = reqwest_client().get(format!("{}/events{query}", market.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = soon(request.send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event: its name, its id and its data.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = frame.lines();
                    let found = lines.find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().trim().to_owned()
                };
                let data = serde_json::from_str(&field("data:")).unwrap();
                let event = (field("event:"), field("id:"), data);
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = soon(self.response.chunk()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn expect(&mut self, name: &str) -> (String, Value) {
        let (event, id, data) = self.next().await.expect("the stream goes on");
        assert_eq!(event, name, "{data}");
        (id, data)
    }
}

async fn task(market: &Market, text: &str) -> String {
    let created = market.post("/tasks", json!({"text": text})).await.ok();
    created["task_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_where_it_was() {
    let market = Market::open().await;
    let mut stream = Stream::open(&market, "", &[]).await;
    let (_, hello) = stream.expect("hello").await;
    assert_eq!(hello["id"], 0);
    let first = task(&market, "a").await;
    let (place, created) = stream.expect("task_created").await;
    assert_eq!(created["task_id"], first.as_str());
    assert_eq!(created["id"].to_string(), place);
    drop(stream);
    let second = task(&market, "b").await;
    // A browser opens the same URL, with what it read last as a header.
    let back = [("last-event-id", place.as_str())];
    let mut stream = Stream::open(&market, "?last=5", &back).await;
    stream.expect("hello").await;
    let (_, created) = stream.expect("task_created").await;
    assert_eq!(created["task_id"], second.as_str());
}

#[tokio::test]
async fn what_a_query_asks_for_is_sent() {
    let market = Market::open().await;
    let id = task(&market, "a").await;
    task(&market, "b").await;
    let query = format!("?after=0&task_id={id}&event=task_created,task_failed&task_type=sentiment");
    let mut stream = Stream::open(&market, &query, &[]).await;
    stream.expect("hello").await;
    assert_eq!(
        stream.expect("task_created").await.1["task_id"],
        id.as_str()
    );
    for (query, field) in [
        ("?event=nothing", "event"),
        ("?event=", "event"),
        ("?after=-1", "after"),
        ("?after=9007199254740992", "after"),
        ("?last=x", "last"),
        ("?task_id=7", "task_id"),
        ("?task_type=%20", "task_type"),
    ] {
        let answer = market.get(&format!("/events{query}")).await;
        answer.is_error(422, "invalid", Some(field));
    }
    let bad = [("last-event-id", "x")];
    let answer = market.ask(Method::GET, "/events", &bad, None).await;
    answer.is_error(422, "invalid", Some("Last-Event-ID"));
}

#[tokio::test]
async fn whoever_was_away_for_too_long_is_told() {
    let coordinator = Coordinator::builder(MemoryStore::keeping_events(3));
    let market = Market::with(coordinator, RouteOptions::new()).await;
    for text in ["a", "b", "c", "d", "e"] {
        task(&market, text).await;
    }
    let mut stream = Stream::open(&market, "?after=1", &[]).await;
    stream.expect("hello").await;
    let (place, missed) = stream.expect("missed").await;
    assert_eq!(missed, json!({"after": 1, "until": 2}));
    assert_eq!(place, "2");
    assert_eq!(stream.expect("task_created").await.0, "3");
    // The client in Rust is told as well.
    let follow = Follow::new().after(EventId::START);
    let mut feed = market.client().follow(follow).await.unwrap();
    let batch = soon(feed.next()).await.unwrap().unwrap();
    assert_eq!(batch.missed.unwrap().until, EventId::new(2));
}

#[tokio::test]
async fn as_many_follow_as_may() {
    let mut limits = Limits::default();
    limits.max_followers = 1;
    let market = Market::with(common::coordinator().limits(limits), RouteOptions::new()).await;
    let mut stream = Stream::open(&market, "", &[]).await;
    stream.expect("hello").await;
    let refused = market.get("/events").await;
    refused.is_error(429, "too_many_requests", None);
    drop(stream);
    // The server learns of the end when it next looks at the connection.
    let free = async {
        while market.coordinator.followers() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(free).await;
    Stream::open(&market, "", &[]).await.expect("hello").await;
}

/// A quarter of the streams, and of the tickets for them, is as much as one key gets.
#[tokio::test]
async fn no_key_takes_all_streams() {
    let mut limits = Limits::default();
    limits.max_followers = 8;
    let keys = Keys::new(MemoryKeys::new(), SystemClock);
    let options = RouteOptions::new().with_keys(keys.clone());
    let market = Market::with(common::coordinator().limits(limits), options).await;
    let (_, greedy) = issue(&keys, KeySpec::new(Role::Client)).await;
    let greedy = [("authorization", greedy.as_str())];
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(Stream::open(&market, "", &greedy).await);
    }
    let refused = market.ask(Method::GET, "/events", &greedy, None).await;
    refused.is_error(429, "too_many_requests", None);
    // A ticket is one more way to the same share.
    let ask = market.ask(Method::POST, "/events/ticket", &greedy, None);
    let ticket = ask.await.ok()["ticket"].as_str().unwrap().to_owned();
    let refused = market.get(&format!("/events?ticket={ticket}")).await;
    refused.is_error(429, "too_many_requests", None);
    let (_, other) = issue(&keys, KeySpec::new(Role::Client)).await;
    let other = [("authorization", other.as_str())];
    let mut stream = Stream::open(&market, "", &other).await;
    stream.expect("hello").await;
}

#[tokio::test]
async fn a_stream_ends_when_the_coordinator_stops() {
    let market = Market::open().await;
    let mut stream = Stream::open(&market, "", &[]).await;
    stream.expect("hello").await;
    market.stop.cancel();
    assert_eq!(stream.next().await, None, "a clean end, and not a cut");
    soon(market.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_goes_on_after_a_restart() {
    let shared = Arc::new(MemoryStore::new());
    let market = Market::with(
        Coordinator::builder(Arc::clone(&shared)),
        RouteOptions::new(),
    )
    .await;
    let address = market.address;
    let client = HttpClient::new(&market.url).unwrap();
    let mut feed = client.follow(Follow::new()).await.unwrap();
    task(&market, "a").await;
    let batch = soon(feed.next()).await.unwrap().unwrap();
    assert_eq!(batch.events.len(), 1);
    market.stop.cancel();
    // It may be back, so this is not the end.
    let error = soon(feed.next()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    soon(market.served).await.unwrap().unwrap();

    let coordinator_again = Coordinator::builder(shared).build().unwrap();
    let spec = TaskSpec::new("b");
    let id = coordinator_again
        .enqueue(vec![spec])
        .await
        .remove(0)
        .unwrap();
    let server = Server::builder(coordinator_again).address(address);
    let server = server.bind().await.unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.run(stop.clone()));
    let batch = soon(feed.next()).await.unwrap().unwrap();
    assert_eq!(batch.events.len(), 1, "what happened meanwhile is told");
    assert_eq!(batch.events[0].event.task(), Some(id));
    stop.cancel();
    soon(served).await.unwrap().unwrap();
}

/// A client that reads nothing costs no more than what it was sent.
#[tokio::test]
async fn a_reader_that_stalls_is_cut_off() {
    let coordinator = common::coordinator().build().unwrap();
    let server = Server::builder(coordinator.clone())
        .address(([127, 0, 0, 1], 0))
        .write_timeout(Duration::from_millis(40));
    let server = server.bind().await.unwrap();
    let (address, stop) = (server.local_addr(), CancellationToken::new());
    let served = tokio::spawn(server.run(stop.clone()));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stalled = socket.connect(address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stalled.write_all(request).await.unwrap();
    let mut first = [0; 12];
    soon(stalled.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // Far more than what the kernel takes for a client that reads nothing.
    let ended = async {
        loop {
            let tasks = (0..1_000).map(|_| TaskSpec::new("a text")).collect();
            for created in coordinator.enqueue(tasks).await {
                created.unwrap();
            }
            if coordinator.followers() == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(ended).await;
    stop.cancel();
    soon(served).await.unwrap().unwrap();
}

/// A clock that can be moved.
#[derive(Debug, Clone, Default)]
struct Moved(Arc<AtomicI64>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        let micros = SystemClock.now().as_micros();
        Timestamp::from_micros(micros + self.0.load(Ordering::SeqCst))
    }
}

async fn with_keys() -> (Market, Keys, Moved) {
    let clock = Moved::default();
    let keys = Keys::new(MemoryKeys::new(), clock.clone());
    let options = RouteOptions::new().with_keys(keys.clone());
    let market = Market::with(common::coordinator(), options).await;
    (market, keys, clock)
}

async fn issue(keys: &Keys, spec: KeySpec) -> (ApiKey, String) {
    let key = keys.create(spec).await.unwrap().key;
    let bearer = format!("Bearer {}", key.reveal());
    (key, bearer)
}

#[tokio::test]
async fn a_ticket_lets_a_browser_in_once() {
    let (market, keys, _) = with_keys().await;
    let (_, bearer) = issue(&keys, KeySpec::new(Role::Client)).await;
    let bearer = [("authorization", bearer.as_str())];
    let ask = market.ask(Method::POST, "/events/ticket", &bearer, None);
    let ticket = ask.await.ok()["ticket"].as_str().unwrap().to_owned();
    let query = format!("?ticket={ticket}");
    let mut stream = Stream::open(&market, &query, &[]).await;
    stream.expect("hello").await;
    for query in [query.as_str(), "?ticket=", "?ticket=x", ""] {
        let answer = market.get(&format!("/events{query}")).await;
        answer.is_error(401, "unauthorized", None);
    }
    let elsewhere = market.get(&format!("/tasks?ticket={ticket}")).await;
    elsewhere.is_error(401, "unauthorized", None);
}

/// What its `EventSource` asks for by itself, the same URL, is refused.
#[tokio::test]
async fn a_browser_goes_on_with_another_ticket() {
    let (market, keys, _) = with_keys().await;
    let (_, bearer) = issue(&keys, KeySpec::new(Role::Client)).await;
    let bearer = [("authorization", bearer.as_str())];
    let ticket = async || {
        let ask = market.ask(Method::POST, "/events/ticket", &bearer, None);
        ask.await.ok()["ticket"].as_str().unwrap().to_owned()
    };
    let enqueue = async |text: &str| {
        let created = market.coordinator.enqueue(vec![TaskSpec::new(text)]);
        created.await.remove(0).unwrap().to_string()
    };
    let query = format!("?ticket={}", ticket().await);
    let mut stream = Stream::open(&market, &query, &[]).await;
    stream.expect("hello").await;
    enqueue("a").await;
    let (place, _) = stream.expect("task_created").await;
    drop(stream);
    let second = enqueue("b").await;
    let back = [("last-event-id", place.as_str())];
    let path = format!("/events{query}");
    let answer = market.ask(Method::GET, &path, &back, None).await;
    answer.is_error(401, "unauthorized", None);
    let query = format!("?ticket={}&after={place}", ticket().await);
    let mut stream = Stream::open(&market, &query, &[]).await;
    stream.expect("hello").await;
    let (_, created) = stream.expect("task_created").await;
    assert_eq!(created["task_id"], second.as_str());
}

#[tokio::test]
async fn a_key_in_a_url_is_no_key() {
    let (market, keys, _) = with_keys().await;
    let (key, _) = issue(&keys, KeySpec::new(Role::Admin)).await;
    for name in ["ticket", "key", "access_token", "authorization"] {
        let path = format!("/events?{name}={}", key.reveal());
        market.get(&path).await.is_error(401, "unauthorized", None);
    }
    let worker = WorkerId::new("alice").unwrap();
    let (_, bearer) = issue(&keys, KeySpec::worker(worker)).await;
    let bearer = [("authorization", bearer.as_str())];
    let refused = market.ask(Method::GET, "/events", &bearer, None).await;
    refused.is_error(403, "forbidden", None);
    let refused = market.ask(Method::POST, "/events/ticket", &bearer, None);
    refused.await.is_error(403, "forbidden", None);
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let (market, keys, clock) = with_keys().await;
    let (_, admin) = issue(&keys, KeySpec::new(Role::Admin)).await;
    let (revoked, first) = issue(&keys, KeySpec::new(Role::Client)).await;
    let spec = KeySpec::new(Role::Client);
    let spec = spec.with_expiry(clock.now().plus(Duration::from_secs(3_600)));
    let (_, second) = issue(&keys, spec).await;
    let mut streams = Vec::new();
    for bearer in [&first, &second, &admin] {
        let headers = [("authorization", bearer.as_str())];
        let mut stream = Stream::open(&market, "", &headers).await;
        stream.expect("hello").await;
        streams.push(stream);
    }
    keys.revoke(revoked.id()).await.unwrap();
    clock.0.store(2 * 3_600 * 1_000_000, Ordering::SeqCst);
    let task = market.coordinator.enqueue(vec![TaskSpec::new("a")]).await;
    task[0].as_ref().unwrap();
    assert_eq!(streams[0].next().await, None, "revoked");
    assert_eq!(streams[1].next().await, None, "expired");
    streams[2].expect("task_created").await;
}

#[tokio::test]
async fn a_client_learns_that_its_key_is_no_longer_accepted() {
    let (market, keys, _) = with_keys().await;
    let (key, _) = issue(&keys, KeySpec::new(Role::Client)).await;
    let id = key.id();
    let client = HttpClient::builder(&market.url).key(key).build().unwrap();
    let mut feed = client.follow(Follow::new()).await.unwrap();
    keys.revoke(id).await.unwrap();
    let task = market.coordinator.enqueue(vec![TaskSpec::new("a")]).await;
    task[0].as_ref().unwrap();
    let error = soon(feed.next()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized, "{error}");
    let worker = WorkerId::new("alice").unwrap();
    let (key, _) = issue(&keys, KeySpec::worker(worker)).await;
    let client = HttpClient::builder(&market.url).key(key).build().unwrap();
    let refused = client.follow(Follow::new()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden, "{refused}");
}
