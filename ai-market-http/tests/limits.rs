//! Bodies that are too large or too slow are refused, and the client is told.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use ai_market_core::api::ClientApi;
use ai_market_http::RouteOptions;
use common::{Market, soon};
use reqwest::Method;
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
