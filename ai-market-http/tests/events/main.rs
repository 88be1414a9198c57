//! Streams of events over HTTP: who gets one, what it says, and when it ends.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod keys;
mod stream;

use ai_market_core::api::{ClientApi, Follow, TaskSpec};
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::event::EventId;
use ai_market_core::store::{MemoryOptions, MemoryStore};
use ai_market_http::{HttpClient, RouteOptions, Server};
use common::{Market, soon};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

async fn task(market: &Market, text: &str) -> String {
    let created = market.post("/tasks", json!({"text": text})).await.ok();
    created["task_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_where_it_was() {
    let market = Market::open().await;
    let mut stream = Stream::open(&market, "", &[]).await;
    let (_, hello) = stream.expect("hello").await;
    assert_eq!(hello["id"], "0");
    let first = task(&market, "a").await;
    let (place, created) = stream.expect("task_created").await;
    assert_eq!(created["task_id"], first.as_str());
    assert_eq!(created["id"], place.as_str());
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
        ("?after=07", "after"),
        ("?after=340282366920938463463374607431768211456", "after"),
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

/// Also where nothing of what was there is asked for.
#[tokio::test]
async fn a_stream_says_when_what_was_there_has_come() {
    let market = Market::open().await;
    task(&market, "a").await;
    task(&market, "b").await;
    for (query, told) in [("?after=0", 2), ("?after=0&event=market_reset", 0), ("", 0)] {
        let mut stream = Stream::open(&market, query, &[]).await;
        let mut names = Vec::new();
        let (place, body) = loop {
            let (name, place, body) = stream.event().await.unwrap();
            if name == "caught_up" {
                break (place, body);
            }
            names.push(name);
        };
        assert_eq!(names.remove(0), "hello");
        assert_eq!(names, vec!["task_created"; told]);
        assert_eq!(body, json!({"id": "2"}));
        assert_eq!(place, "2");
    }
}

#[tokio::test]
async fn whoever_was_away_for_too_long_is_told() {
    let coordinator = Coordinator::builder(MemoryOptions::new().with_kept_events(3).build());
    let market = Market::with(coordinator, RouteOptions::new()).await;
    for text in ["a", "b", "c", "d", "e"] {
        task(&market, text).await;
    }
    let mut stream = Stream::open(&market, "?after=1", &[]).await;
    stream.expect("hello").await;
    let (place, missed) = stream.expect("missed").await;
    assert_eq!(missed, json!({"after": "1", "until": "2"}));
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
    while soon(feed.next()).await.unwrap().unwrap().events.is_empty() {}
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
