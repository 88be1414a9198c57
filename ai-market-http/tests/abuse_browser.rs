//! Pages of strangers in a browser on this machine: what they cannot do here.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use ai_market_core::api::ClientApi;
use common::Market;
use reqwest::Method;
use serde_json::json;

const TASK: &[u8] = br#"{"text": "t"}"#;

#[tokio::test]
async fn a_name_that_is_not_this_machine_is_refused() {
    let market = Market::open().await;
    for path in ["/health", "/tasks", "/docs", "/nowhere"] {
        let stranger = [("host", "evil.example:8000")];
        let answer = market.ask(Method::GET, path, &stranger, None).await;
        answer.is_error(403, "forbidden", None);
    }
    let port = market.address.port();
    for own in ["localhost", "127.0.0.1", "[::1]"] {
        let host = format!("{own}:{port}");
        let host = [("host", host.as_str())];
        market.ask(Method::GET, "/health", &host, None).await.ok();
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let market = Market::open().await;
    for headers in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = market
            .ask(Method::POST, "/tasks", &[headers], Some(TASK.to_vec()))
            .await;
        answer.is_error(403, "forbidden", None);
    }
    assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 0);
    let own = [("origin", market.url.as_str())];
    let body = Some(TASK.to_vec());
    market.ask(Method::POST, "/tasks", &own, body).await.ok();
}

#[tokio::test]
async fn no_page_of_another_origin_may_read_answers() {
    let market = Market::open().await;
    let origin = ("origin", "http://evil.example");
    let asks = ("access-control-request-method", "POST");
    for (method, headers) in [
        (Method::GET, &[origin][..]),
        (Method::OPTIONS, &[origin, asks]),
    ] {
        let answer = market.ask(method, "/tasks", headers, None).await;
        let cors = |(name, _): &(String, String)| name.starts_with("access-control");
        assert!(!answer.headers.iter().any(cors), "{answer:?}");
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let market = Market::open().await;
    market.post("/tasks", json!({"text": "t"})).await.ok();
    let stranger = [("host", "evil.example")];
    for (answer, json) in [
        (market.get("/health").await, true),
        (market.get("/nowhere").await, true),
        (
            market.ask(Method::GET, "/health", &stranger, None).await,
            true,
        ),
        (market.get("/metrics").await, false),
        (market.get("/docs").await, false),
    ] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let no_store = answer.header("cache-control") == Some("no-store");
        assert_eq!(no_store, json, "{answer:?}");
    }
    let page = market.get("/docs").await;
    // No script is forbidden, or the page would stay empty.
    let policy = page.header("content-security-policy");
    assert_eq!(policy, Some("frame-ancestors 'none'"));
}
