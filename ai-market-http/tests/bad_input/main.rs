//! Every kind of bad input gets its status, code and field, in the one shape, and changes nothing.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
#[path = "../common/mod.rs"]
mod common;

use ai_market_core::api::ClientApi;
use ai_market_http::RouteOptions;
use bodies::bodies;
use common::Market;
use reqwest::Method;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn a_bad_body_is_refused_and_changes_nothing() {
    let market = Market::open().await;
    let before = market.coordinator.stats().await.unwrap();
    for (path, body, status, code, field) in bodies() {
        let shown: String = body.chars().take(100).collect();
        println!("{path} {shown}");
        let answer = market
            .ask(Method::POST, path, JSON, Some(body.into_bytes()))
            .await;
        answer.is_error(status, code, field);
    }
    assert_eq!(market.coordinator.stats().await.unwrap(), before);
}

#[tokio::test]
async fn a_refusal_does_not_repeat_what_is_long() {
    let market = Market::open().await;
    let long = "\u{1F600}".repeat(100_000);
    let scores = serde_json::json!({
        "worker_id": "alice", "task_id": ID, "label": "a", "confidence": 1,
        "scores": {(long.as_str()): 2},
    });
    let task = serde_json::json!({"text": "t", "priority": long});
    for (path, body) in [("/workers/submit", scores), ("/tasks", task)] {
        let answer = market.post(path, body).await;
        assert_eq!(answer.status.as_u16(), 422);
        assert!(answer.text.len() < 1_000, "{}", answer.text.len());
    }
}

#[tokio::test]
async fn a_bad_query_is_refused() {
    let market = Market::open().await;
    let id_query = format!("/tasks/{ID}?wait_seconds=soon");
    for (path, field) in [
        ("/tasks?status=done", "status"),
        ("/tasks?status=", "status"),
        ("/tasks?order=down", "order"),
        ("/tasks?order=", "order"),
        ("/tasks?task_type=a%20b", "task_type"),
        ("/tasks?limit=many", "limit"),
        ("/tasks?limit=-1", "limit"),
        ("/tasks?limit=1.5", "limit"),
        ("/tasks?limit=99999999999999999999999", "limit"),
        ("/tasks?cursor=x", "cursor"),
        ("/tasks?cursor=%FF", "cursor"),
        ("/leaderboard?limit=x", "limit"),
        ("/leaderboard?cursor=alice", "cursor"),
        ("/leaderboard?by=points", "by"),
        ("/leaderboard?task_type=a%20b", "task_type"),
        ("/leaderboard?by=model&cursor=3~m", "cursor"),
        ("/leaderboard?by=task_type&cursor=3~a%20b", "cursor"),
        ("/workers?limit=x", "limit"),
        ("/workers?cursor=", "cursor"),
        ("/models?limit=x", "limit"),
        ("/models?cursor=m", "cursor"),
        ("/task-types?limit=x", "limit"),
        ("/task-types?cursor=a%20b", "cursor"),
        (&id_query, "wait_seconds"),
    ] {
        println!("{path}");
        market.get(path).await.is_error(422, "invalid", Some(field));
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let market = Market::open().await;
    for path in [
        "/dashboard",
        "/dashboard/",
        "/dashboard/other.js",
        "/dashboard/..%2Findex.html",
        "/task",
        "/tasks/",
        "/tasks/x/y",
        "/workers/",
        "/workers/alice/x",
        "/workers/a/b/suspend",
        "/ops",
        "/docs/x",
    ] {
        println!("{path}");
        market.get(path).await.is_error(404, "not_found", None);
    }
    market
        .get("/tasks/%FF")
        .await
        .is_error(400, "malformed", None);
    let long = format!("/workers/{}", "x".repeat(129));
    for path in [
        "/workers/nobody",
        "/workers/register",
        "/workers/%00",
        &long,
    ] {
        println!("{path}");
        let answer = market.get(path).await;
        answer.is_error(404, "unknown_worker", None);
    }
    let answer = market.get("/workers/%FF").await;
    answer.is_error(400, "malformed", None);
    // What is no id names no task either.
    for path in [
        format!("/tasks/{ID}"),
        "/tasks/7".to_owned(),
        "/tasks/%00".to_owned(),
    ] {
        println!("{path}");
        market.get(&path).await.is_error(404, "unknown_task", None);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let market = Market::open().await;
    for (method, path, allow) in [
        (Method::DELETE, "/tasks", "GET, HEAD, POST"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::PUT, "/workers/submit", "POST"),
        (Method::POST, "/workers/alice", "GET, HEAD"),
        (Method::GET, "/workers/alice/suspend", "POST"),
        (Method::PUT, "/tasks/7", "GET, HEAD"),
        (Method::GET, "/tasks/next", "POST"),
        (Method::POST, "/openapi.json", "GET, HEAD"),
        (Method::POST, "/", "GET, HEAD"),
        (Method::DELETE, "/dashboard/main.js", "GET, HEAD"),
    ] {
        println!("{method} {path}");
        let answer = market.ask(method, path, &[], None).await;
        answer.is_error(405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn only_json_is_taken() {
    let market = Market::open().await;
    let body = || Some(br#"{"text": "t"}"#.to_vec());
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "x",
        "",
        "text/json+x",
    ] {
        let headers = [("content-type", other)];
        let answer = market.ask(Method::POST, "/tasks", &headers, body()).await;
        answer.is_error(415, "unsupported_media_type", None);
    }
    for json in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/problem+json",
    ] {
        let headers = [("content-type", json)];
        let answer = market.ask(Method::POST, "/tasks", &headers, body()).await;
        answer.ok();
    }
    let answer = market.ask(Method::POST, "/tasks", &[], body()).await;
    answer.ok();
}

#[tokio::test]
async fn operations_are_forbidden_unless_allowed() {
    let market = Market::open().await;
    for path in ["/ops/requeue-stale", "/ops/reset"] {
        let answer = market.ask(Method::POST, path, &[], None).await;
        answer.is_error(403, "forbidden", None);
    }
    for path in ["/workers/alice/suspend", "/workers/alice/reinstate"] {
        let answer = market.post(path, serde_json::json!({"reason": "x"})).await;
        answer.is_error(403, "forbidden", None);
    }
}

#[tokio::test]
async fn a_bad_ruling_is_refused() {
    let options = RouteOptions::new().with_allow_ops(true);
    let market = Market::with(common::coordinator(), options).await;
    let register = serde_json::json!({"worker_id": "alice"});
    market.post("/workers/register", register).await.ok();
    let reason = |text: &str| format!(r#"{{"reason": {}}}"#, serde_json::json!(text));
    for (what, body, field) in [
        ("suspend", "{}".to_owned(), "reason"),
        ("suspend", r#"{"reason": 7}"#.to_owned(), "reason"),
        ("suspend", reason(""), "reason"),
        ("suspend", reason(" "), "reason"),
        ("suspend", reason("two\nlines"), "reason"),
        ("suspend", reason(&"x".repeat(1_001)), "reason"),
        (
            "suspend",
            r#"{"reason": "x", "task_type": "a b"}"#.to_owned(),
            "task_type",
        ),
        ("reinstate", r#"{"task_type": 7}"#.to_owned(), "task_type"),
    ] {
        println!("{what} {body}");
        let path = format!("/workers/alice/{what}");
        let answer = market
            .ask(Method::POST, &path, JSON, Some(body.into_bytes()))
            .await;
        answer.is_error(422, "invalid", Some(field));
        let path = format!("/workers/nobody/{what}");
        let answer = market.post(&path, serde_json::json!({"reason": "x"})).await;
        answer.is_error(404, "unknown_worker", None);
    }
    let standings = market.get("/workers/alice").await.ok()["standings"].clone();
    assert_eq!(standings, serde_json::json!([]));
}
