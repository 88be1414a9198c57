//! Bodies that are too large, too deep or too slow are refused, tasks for which there is no room as
//! well, and the client is told.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use ai_market_core::api::{ClientApi, ErrorCode, TaskSpec};
use ai_market_core::coordinator::Limits;
use ai_market_http::RouteOptions;
use common::{Market, soon};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let options = RouteOptions::new().with_max_body_bytes(1_000);
    let market = Market::with(common::coordinator(), options).await;
    let fits = format!(r#"{{"text": "{}"}}"#, "x".repeat(1_000 - 12));
    assert_eq!(fits.len(), 1_000);
    let answer = market
        .ask(Method::POST, "/tasks", JSON, Some(fits.into()))
        .await;
    answer.ok();
    for size in [1_001, 100_000, 4_000_000] {
        let answer = market
            .ask(Method::POST, "/tasks", JSON, Some(vec![b' '; size]))
            .await;
        answer.is_error(413, "too_large", None);
    }
    assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 1);
}

/// Sends bytes as they are and reads what comes back until the connection ends.
async fn raw(market: &Market, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(market.address).await.unwrap();
    for part in parts {
        stream.write_all(part).await.unwrap();
    }
    let mut text = Vec::new();
    soon(stream.read_to_end(&mut text)).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused() {
    let options = RouteOptions::new().with_max_body_bytes(1_000);
    let market = Market::with(common::coordinator(), options).await;
    let head = b"POST /tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("200\r\n{}\r\n", " ".repeat(0x200));
    let chunk = chunk.as_bytes();
    let answer = raw(&market, &[head, chunk, chunk, chunk, b"0\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains(r#"{"error":{"code":"too_large","#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let market = Market::open().await;
    let head = b"POST /tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\nexpect: 100-continue\r\n\
                 content-length: 2000000\r\n\r\n";
    let answer = raw(&market, &[head]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_awaited_for_ever() {
    let options = RouteOptions::new().with_body_timeout(Duration::from_millis(10));
    let market = Market::with(common::coordinator(), options).await;
    let head = b"POST /tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    let answer = raw(&market, &[head]).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("did not arrive"), "{answer}");
}

/// A task whose body has so many levels.
fn nested(levels: usize) -> Vec<u8> {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    format!(r#"{{"text": "t", "more": {open}{close}}}"#).into_bytes()
}

#[tokio::test]
async fn a_body_that_is_too_deep_is_refused() {
    let options = |depth| RouteOptions::new().with_max_json_depth(depth);
    for (options, max) in [
        (RouteOptions::new(), 32),
        (options(2), 2),
        (options(127), 127),
        (options(100_000), RouteOptions::DEEPEST_JSON),
    ] {
        let market = Market::with(common::coordinator(), options).await;
        let post = |body| market.ask(Method::POST, "/tasks", JSON, Some(body));
        post(nested(max)).await.ok();
        let answer = post(nested(max + 1)).await;
        answer.is_error(400, "malformed", None);
        assert!(answer.text.contains(&format!("at most {max} levels")));
        let text = "[{".repeat(200) + r#"\"[\\"#;
        post(format!(r#"{{"text": "{text}"}}"#).into()).await.ok();
        assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 2);
    }
}

#[tokio::test]
async fn a_full_market_says_when_to_come_back() {
    let mut limits = Limits::default();
    limits.max_open_tasks = 1;
    let coordinator = common::coordinator().limits(limits);
    let market = Market::with(coordinator, RouteOptions::new()).await;
    let keyed = |key| json!({"text": "t", "idempotency_key": key});
    let first = market.post("/tasks", keyed("first")).await.ok();
    let refused = market.post("/tasks", keyed("second")).await;
    refused.is_error(503, "market_full", None);
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(market.post("/tasks", keyed("first")).await.ok(), first);
    let client = market.client();
    let error = client.enqueue(vec![TaskSpec::new("t")]).await.remove(0);
    let error = error.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MarketFull);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 1);
}

#[tokio::test]
async fn a_page_that_is_cut_short_leads_on() {
    let mut limits = Limits::default();
    limits.max_page_bytes = 2 * (100 + "sentiment".len());
    let coordinator = common::coordinator().limits(limits);
    let market = Market::with(coordinator, RouteOptions::new()).await;
    for _ in 0..5 {
        let task = json!({"text": "x".repeat(100)});
        market.post("/tasks", task).await.ok();
    }
    let (mut next, mut sizes) = (Some("/tasks?limit=4".to_owned()), Vec::new());
    while let Some(path) = next {
        let answer = market.get(&path).await;
        sizes.push(answer.ok().as_array().unwrap().len());
        next = answer.header("link").map(|link| {
            let target = link.strip_suffix(">; rel=\"next\"").unwrap();
            target.strip_prefix('<').unwrap().to_owned()
        });
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn no_list_is_longer_than_a_page() {
    let mut limits = Limits::default();
    limits.max_page = 2;
    let coordinator = common::coordinator().limits(limits);
    let market = Market::with(coordinator, RouteOptions::new()).await;
    for name in ["a", "b", "c"] {
        let worker = json!({"worker_id": name, "capabilities": [name], "model": name});
        market.post("/workers/register", worker).await.ok();
        let task = json!({"text": "t", "task_type": name, "required_submissions": 1});
        let id = market.post("/tasks", task).await.ok()["task_id"].clone();
        let claim = json!({"worker_id": name});
        market.post("/tasks/next", claim).await.ok();
        let vote = json!({"worker_id": name, "task_id": id, "label": "x", "confidence": 1});
        market.post("/workers/submit", vote).await.ok();
    }
    for path in [
        "/workers?limit=9",
        "/models?limit=9",
        "/task-types?limit=9",
        "/leaderboard?by=worker&limit=9",
        "/leaderboard?by=model",
        "/leaderboard?by=task_type",
    ] {
        let answer = market.get(path).await;
        assert_eq!(answer.ok().as_array().unwrap().len(), 2, "{path}");
        assert!(answer.header("link").is_some(), "{path}");
    }
}
