//! The OpenAPI document: as it was agreed on, and true.
//!
//! `AI_MARKET_RENEW=1 cargo test -p ai-market-http --test openapi` writes the document anew after a
//! change that was meant.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use ai_market_http::RouteOptions;
use common::Market;
use reqwest::Method;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi.json");

async fn document(market: &Market) -> Value {
    market.get("/openapi.json").await.ok()
}

#[tokio::test]
async fn the_document_is_the_one_agreed_on() {
    let market = Market::open().await;
    let mut document = document(&market).await;
    // A release alone changes nothing that a client sees.
    document["info"]["version"] = "any".into();
    if std::env::var_os("AI_MARKET_RENEW").is_some() {
        std::fs::write(FILE, format!("{document:#}\n")).unwrap();
    }
    let agreed: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(
        document == agreed,
        "the document has changed; if that is meant, renew it with AI_MARKET_RENEW=1"
    );
}

/// The routes of the wire contract.
const ROUTES: &[(&str, &str)] = &[
    ("get", "/health"),
    ("post", "/tasks"),
    ("post", "/tasks/batch"),
    ("get", "/tasks"),
    ("get", "/tasks/{id}"),
    ("post", "/tasks/{id}/cancel"),
    ("get", "/task-types"),
    ("get", "/models"),
    ("get", "/workers"),
    ("get", "/workers/{id}"),
    ("post", "/workers/{id}/suspend"),
    ("post", "/workers/{id}/reinstate"),
    ("post", "/workers/register"),
    ("post", "/workers/heartbeat"),
    ("post", "/tasks/next"),
    ("post", "/workers/submit"),
    ("post", "/workers/submit/batch"),
    ("post", "/workers/release"),
    ("get", "/leaderboard"),
    ("get", "/db/stats"),
    ("get", "/activity"),
    ("post", "/ops/requeue-stale"),
    ("post", "/ops/reset"),
    ("get", "/metrics"),
];

/// Beyond the contract: what happens, as it happens, and who one is here.
const EVENT_ROUTES: &[(&str, &str)] = &[
    ("get", "/events"),
    ("post", "/events/ticket"),
    ("get", "/me"),
];

/// Beyond the contract: how keys are managed.
const KEY_ROUTES: &[(&str, &str)] = &[
    ("post", "/keys"),
    ("get", "/keys"),
    ("post", "/keys/{id}/rotate"),
    ("delete", "/keys/{id}"),
];

#[tokio::test]
async fn every_route_is_documented_and_answers_as_documented() {
    let options = RouteOptions::new().with_allow_ops(true);
    let market = Market::with(common::coordinator(), options).await;
    let document = document(&market).await;
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            println!("{method} {path}");
            documented.insert((method.clone(), path.clone()));
            assert!(operation["summary"].is_string());
            let http = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let concrete = path.replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057");
            let bodies = if operation.get("requestBody").is_some() {
                vec![Some("{}"), Some("{"), Some("[]")]
            } else {
                vec![None]
            };
            for body in bodies {
                let body = body.map(|body| body.as_bytes().to_vec());
                let answer = market.ask(http.clone(), &concrete, &[], body).await;
                let status = answer.status.as_str();
                assert!(
                    operation["responses"].get(status).is_some(),
                    "{status} is not documented: {answer:?}"
                );
            }
        }
    }
    let expected = ROUTES.iter().chain(EVENT_ROUTES).chain(KEY_ROUTES);
    let expected = expected.map(|(m, p)| ((*m).to_owned(), (*p).to_owned()));
    assert_eq!(documented, expected.collect());
}

/// Checks a value against a schema of the document; what is not in the schema must not be in the
/// value.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").unwrap();
        return check(
            document,
            &document["components"]["schemas"][name],
            value,
            at,
        );
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // Only a description beside a reference is written so.
        let part = parts
            .iter()
            .find(|part| part.get("$ref").is_some())
            .unwrap();
        return check(document, part, value, at);
    }
    if schema.as_object().is_some_and(serde_json::Map::is_empty) {
        // Anything.
        return;
    }
    if value.is_null() {
        assert_eq!(schema["nullable"], true, "{at} is null");
        return;
    }
    if let Some(kinds) = schema["anyOf"].as_array() {
        let resolved = kinds.iter().map(|kind| match kind["$ref"].as_str() {
            Some(name) => document.pointer(name.strip_prefix('#').unwrap()).unwrap(),
            None => kind,
        });
        let names = |kind: &Value| {
            let required = kind["required"].as_array().cloned();
            let required = required.unwrap_or_default();
            let required = required.into_iter();
            required
                .map(|name| name.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        // Those that the names in the value fit, of which the one that asks for most.
        let fits = |kind: &&Value| match value.as_object() {
            Some(object) => {
                let known = |name: &String| !kind["properties"][name].is_null();
                object.keys().all(known) && names(kind).iter().all(|name| object.contains_key(name))
            }
            None => kind["type"] != "object",
        };
        let asked = |kind: &&Value| names(kind).len();
        let kind = resolved.filter(fits).max_by_key(asked);
        let kind = kind.unwrap_or_else(|| panic!("{at}: {value}"));
        return check(document, kind, value, at);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let object = value.as_object().unwrap_or_else(|| panic!("{at}: {value}"));
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    object.contains_key(name.as_str().unwrap()),
                    "{at} lacks {name}"
                );
            }
            for (name, inner) in object {
                let known = schema["properties"].get(name);
                let inner_schema = known.or(schema.get("additionalProperties"));
                let inner_schema = inner_schema.unwrap_or_else(|| panic!("{at}.{name}"));
                check(document, inner_schema, inner, &format!("{at}.{name}"));
            }
        }
        Some("array") => {
            for inner in value.as_array().unwrap_or_else(|| panic!("{at}: {value}")) {
                check(document, &schema["items"], inner, &format!("{at}[]"));
            }
        }
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        Some("integer") => assert!(value.is_i64() || value.is_u64(), "{at}: {value}"),
        Some("number") => assert!(value.is_number(), "{at}: {value}"),
        other => panic!("{at}: a schema of type {other:?}"),
    }
}

#[tokio::test]
async fn answers_and_requests_fit_their_schemas() {
    let options = RouteOptions::new().with_allow_ops(true);
    let market = Market::with(common::coordinator(), options).await;
    let document = document(&market).await;
    let schema_of = |method: &str, path: &str, status: &str| {
        document["paths"][path][method]["responses"][status]["content"]["application/json"]
            ["schema"]
            .clone()
    };
    let fits = |method: &str, path: &str, status: &str, value: &Value| {
        let schema = schema_of(method, path, status);
        check(
            &document,
            &schema,
            value,
            &format!("{method} {path} {status}"),
        );
    };
    let post = async |path: &str, body: Value| {
        let operation = &document["paths"][path]["post"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        check(&document, schema, &body, path);
        let answer = market.post(path, body).await;
        fits("post", path, answer.status.as_str(), &answer.json());
        answer.json()
    };
    let task = json!({
        "text": "t", "task_type": "sentiment", "required_submissions": 1, "max_submissions": 2,
        "max_attempts": 3, "priority": -1, "deadline": "2126-01-31T12:00:00Z",
        "idempotency_key": "k", "distinct_models": true,
        "params": {"a": [1, null, {"b": "c"}], "d": 2.5}, "reference": "row 7", "tags": ["x", "y"],
    });
    let created = post("/tasks", task).await;
    let id = created["task_id"].clone();
    let path = format!("/tasks/{}", id.as_str().unwrap());
    let worker = json!({
        "worker_id": "alice", "instance": "1", "capabilities": ["sentiment"],
        "model": {"id": "m", "revision": "r", "precision": "f32", "labels": ["a", "b"]},
        "models": {"sentiment": {"id": "n"}},
    });
    post("/workers/register", worker).await;
    let plain = json!({"worker_id": "bob", "model": "m", "models": {"sentiment": "n"}});
    post("/workers/register", plain).await;
    post(
        "/tasks/next",
        json!({"worker_id": "alice", "limit": 2, "wait_seconds": 0.5, "request_id": "1"}),
    )
    .await;
    fits("get", "/tasks/{id}", "200", &market.get(&path).await.ok());
    post(
        "/workers/heartbeat",
        json!({"worker_id": "alice", "task_ids": [id]}),
    )
    .await;
    let vote = json!({
        "worker_id": "alice", "task_id": id, "label": "a", "confidence": 1,
        "scores": {"a": 1, "b": 0}, "truncated": false,
    });
    post("/workers/submit", vote.clone()).await;
    post("/workers/submit", vote).await;
    post(
        "/workers/release",
        json!({"worker_id": "alice", "task_ids": [], "failed": "x"}),
    )
    .await;
    post("/tasks", json!({"text": ""})).await;
    let tasks = json!({"tasks": [
        {"text": "t", "tags": ["x"]}, {"text": ""}, {"text": "u", "idempotency_key": "k"},
    ]});
    let results = post("/tasks/batch", tasks).await;
    assert_eq!(results["rejected"], 2);
    let votes = json!({"worker_id": "alice", "submissions": [
        {"task_id": id, "label": "a", "confidence": 1},
        {"task_id": id, "label": "", "confidence": 1, "scores": {"a": 1}, "model": "m"},
    ]});
    post("/workers/submit/batch", votes).await;
    post(
        "/workers/submit/batch",
        json!({"worker_id": "alice", "submissions": []}),
    )
    .await;
    fits("get", "/tasks/{id}", "200", &market.get(&path).await.ok());
    for path in ["/health", "/tasks", "/leaderboard", "/db/stats"] {
        fits("get", path, "200", &market.get(path).await.ok());
    }
    for (what, body) in [
        (
            "suspend",
            json!({"reason": "guesses", "task_type": "sentiment"}),
        ),
        ("reinstate", json!({"task_type": null})),
        ("suspend", json!({"reason": ""})),
        ("suspend", json!({"reason": "guesses"})),
    ] {
        let template = format!("/workers/{{id}}/{what}");
        let answer = market.post(&format!("/workers/alice/{what}"), body).await;
        let status = answer.status.as_str();
        fits("post", &template, status, &answer.json());
    }
    post("/tasks/next", json!({"worker_id": "alice"})).await;
    for path in ["/workers", "/models", "/task-types"] {
        let list = market.get(path).await.ok();
        assert!(!list.as_array().unwrap().is_empty(), "{path}");
        fits("get", path, "200", &list);
    }
    let worker = market.get("/workers/alice").await.ok();
    assert_eq!(worker["tallies"].as_array().unwrap().len(), 1);
    fits("get", "/workers/{id}", "200", &worker);
    for by in ["worker", "model", "task_type"] {
        let board = market.get(&format!("/leaderboard?by={by}")).await.ok();
        assert_eq!(board.as_array().unwrap().len(), 1, "{by}");
        fits("get", "/leaderboard", "200", &board);
    }
}

#[tokio::test]
async fn the_page_to_try_it_out_needs_no_network() {
    let market = Market::open().await;
    let answer = market.get("/docs").await;
    assert!(answer.status.is_success());
    assert!(answer.text.contains("SwaggerUI") && answer.text.contains("/workers/submit"));
    for tag in answer
        .text
        .split('<')
        .filter(|t| t.starts_with("script") || t.starts_with("link"))
    {
        let head = tag.split('>').next().unwrap();
        assert!(!head.contains("http"), "{head}");
    }
}
