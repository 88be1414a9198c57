//! The conformance suite of the APIs, through the client and a served coordinator.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use ai_market_http::HttpClient;

async fn open() -> (common::Market, HttpClient) {
    let market = common::Market::open().await;
    let client = market.client();
    (market, client)
}

ai_market_core::market_api_tests!(open);
