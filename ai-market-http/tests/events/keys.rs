//! Who is let into a stream where keys are asked for, and for how long.

use ai_market_core::access::{ApiKey, KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::api::{ClientApi, ErrorCode, Follow, TaskSpec};
use ai_market_core::coordinator::Limits;
use ai_market_core::id::WorkerId;
use ai_market_core::time::{Clock, SystemClock, Timestamp};
use ai_market_http::{HttpClient, RouteOptions};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::common::{self, Market, soon};
use crate::stream::Stream;

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
    let error = loop {
        // What was before comes first.
        match soon(feed.next()).await {
            Ok(batch) => assert!(batch.unwrap().events.is_empty()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), ErrorCode::Unauthorized, "{error}");
    let worker = WorkerId::new("alice").unwrap();
    let (key, _) = issue(&keys, KeySpec::worker(worker)).await;
    let client = HttpClient::builder(&market.url).key(key).build().unwrap();
    let refused = client.follow(Follow::new()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden, "{refused}");
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
