//! The wire contract: the JSON of every route as clients and workers of the original system see it.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch_votes;
mod batches;
mod cancel;
#[path = "../common/mod.rs"]
mod common;
mod insight;
mod tasks;

use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::MemoryOptions;
use ai_market_core::time::{Clock, Timestamp};
use ai_market_http::RouteOptions;
use common::Market;
use serde_json::{Value, json};

/// A clock that stands still, so that times can be compared.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }
}

const NOON: &str = "2026-01-31T12:00:00.000000Z";
const LATER: &str = "2026-01-31T12:01:00.000000Z";

async fn open() -> Market {
    let options = RouteOptions::new().with_allow_ops(true);
    let store = MemoryOptions::new().with_clock(Noon).build();
    Market::with(Coordinator::builder(store), options).await
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

async fn create(market: &Market, body: Value) -> String {
    let created = market.post("/tasks", body).await.ok();
    assert_eq!(keys(&created), ["task_id"]);
    created["task_id"].as_str().unwrap().to_owned()
}

async fn claim(market: &Market, worker: &str) -> Value {
    market
        .post("/tasks/next", json!({"worker_id": worker}))
        .await
        .ok()
}

/// Follows the links from `path` to the end.
async fn pages(market: &Market, path: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = market.get(&path).await;
        pages.push(answer.ok().as_array().unwrap().clone());
        next = answer.header("link").map(|link| {
            let target = link.strip_prefix('<').unwrap();
            target.strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
        assert!(pages.len() < 10);
    }
    pages
}
