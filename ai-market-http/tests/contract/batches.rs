//! Batches of tasks and of votes: each item as if it had been sent alone.

use ai_market_core::api::ClientApi;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::store::MemoryStore;
use ai_market_http::RouteOptions;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::Market;
use crate::{claim, create, open};

pub(crate) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
pub(crate) const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(crate) async fn post(market: &Market, path: &str, body: &str) -> crate::common::Answer {
    let body = body.as_bytes().to_vec();
    market.ask(Method::POST, path, JSON, Some(body)).await
}

/// The error of a single request, as a batch would tell it.
pub(crate) async fn alone(market: &Market, path: &str, body: &str) -> Value {
    let answer = post(market, path, body).await;
    assert!(answer.status.is_client_error(), "{body}: {answer:?}");
    let mut error = answer.json();
    let fields = error["error"].as_object_mut().unwrap();
    assert!(fields.remove("request_id").is_some());
    error
}

pub(crate) fn list(items: &[String]) -> String {
    items.join(", ")
}

/// A batch of `worker`'s votes.
pub(crate) async fn submit(market: &Market, worker: &str, votes: &[Value]) -> Value {
    let body = json!({"worker_id": worker, "submissions": votes});
    let answer = market.post("/workers/submit/batch", body).await.ok();
    let results = answer["results"].clone();
    assert_eq!(answer, json!({"results": results}));
    results
}

#[tokio::test]
async fn tasks_are_created_in_order() {
    let market = open().await;
    let texts = ["one", "two", "", "three"];
    let tasks = texts.map(|text| json!({"text": text, "task_type": "ner", "unknown": [1]}));
    let answer = market
        .post("/tasks/batch", json!({"tasks": tasks, "more": {}}))
        .await;
    let answer = answer.ok();
    let listed = market.get("/tasks").await.ok();
    let ids = [0, 1, 2].map(|n| listed[n]["id"].clone());
    let empty = json!({"code": "invalid", "message": "the text is empty", "field": "text"});
    let results = json!([
        {"task_id": ids[0]}, {"task_id": ids[1]}, {"error": empty}, {"task_id": ids[2]},
    ]);
    assert_eq!(
        answer,
        json!({"results": results, "accepted": 3, "rejected": 1})
    );
    let listed = listed.as_array().unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|t| (&t["text"], &t["task_type"]))
        .collect();
    let expected = ["one", "two", "three"].map(|text| (json!(text), json!("ner")));
    assert!(shown.into_iter().eq(expected.iter().map(|(a, b)| (a, b))));
}

#[tokio::test]
async fn a_bad_task_gets_the_error_that_it_gets_alone() {
    let market = open().await;
    create(&market, json!({"text": "t", "idempotency_key": "taken"})).await;
    let long = format!(r#"{{"text": "{}"}}"#, "x".repeat(100_001));
    let label = "y".repeat(129);
    let deep = |levels| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"text": "t", "more": {open}{close}}}"#)
    };
    let bad = [
        "{}",
        "7",
        "null",
        "\"text\"",
        "[]",
        r#"["text", "ner"]"#,
        r#"{"text": null}"#,
        r#"{"text": 7}"#,
        r#"{"text": " \n"}"#,
        r#"{"text": "\ud800"}"#,
        r#"{"text": "t", "more": 1e999}"#,
        &long,
        &deep(32),
        &deep(5_000),
        r#"{"text": "t", "task_type": "two words"}"#,
        r#"{"text": "t", "task_type": ["ner"]}"#,
        r#"{"text": "t", "type": 3}"#,
        r#"{"text": "t", "required_submissions": 0}"#,
        r#"{"text": "t", "required_submissions": "3"}"#,
        r#"{"text": "t", "required_submissions": 101}"#,
        r#"{"text": "t", "max_submissions": 2}"#,
        r#"{"text": "t", "max_attempts": 101}"#,
        r#"{"text": "t", "priority": 3000000000}"#,
        r#"{"text": "t", "deadline": "tomorrow"}"#,
        r#"{"text": "t", "deadline": "2001-01-01T00:00:00Z"}"#,
        r#"{"text": "t", "distinct_models": "yes"}"#,
        r#"{"text": "t", "params": []}"#,
        r#"{"text": "t", "params": {"a": [[[[[[[[]]]]]]]]}}"#,
        r#"{"text": "t", "reference": " "}"#,
        r#"{"text": "t", "tags": ["a", " "]}"#,
        &format!(r#"{{"text": "t", "tags": ["{label}"]}}"#),
        r#"{"text": "other", "idempotency_key": "taken"}"#,
        r#"{"text": "t", "idempotency_key": ""}"#,
    ];
    let good = |n: usize| format!(r#"{{"text": "good {n}"}}"#);
    let mut items = vec![good(0)];
    let mut expected = Vec::new();
    for (n, bad) in bad.iter().enumerate() {
        expected.push(alone(&market, "/tasks", bad).await);
        items.push((*bad).to_owned());
        items.push(good(n + 1));
    }
    let body = format!(r#"{{"tasks": [{}]}}"#, list(&items));
    let answer = post(&market, "/tasks/batch", &body).await.ok();
    assert_eq!(answer["accepted"], bad.len() + 1);
    assert_eq!(answer["rejected"], bad.len());
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), items.len());
    for (n, result) in results.iter().enumerate() {
        if n % 2 == 0 {
            assert!(result["task_id"].is_string(), "{}: {result}", items[n]);
        } else {
            assert_eq!(*result, expected[n / 2], "{:.100}", items[n]);
        }
    }
    let tasks = market.coordinator.stats().await.unwrap().tasks_total();
    assert_eq!(tasks, 1 + bad.len() as u64 + 1);
}

#[tokio::test]
async fn an_item_may_be_as_deep_as_a_body() {
    let options = RouteOptions::new().with_max_json_depth(2);
    let market = Market::with(crate::common::coordinator(), options).await;
    let body = r#"{"tasks": [{"text": "t", "more": []}, {"text": "t", "more": [[]]}]}"#;
    let answer = post(&market, "/tasks/batch", body).await.ok();
    assert!(answer["results"][0]["task_id"].is_string(), "{answer}");
    assert_eq!(answer["results"][1]["error"]["code"], "malformed");
}

#[tokio::test]
async fn an_idempotency_key_names_one_task_within_a_batch_and_beyond() {
    let market = open().await;
    let task = |text, key| json!({"text": text, "idempotency_key": key});
    let earlier = create(&market, task("a", "1")).await;
    let tasks = [
        task("b", "2"),
        task("a", "1"),
        task("b", "2"),
        task("c", "2"),
    ];
    let batch = json!({"tasks": tasks});
    let first = market.post("/tasks/batch", batch.clone()).await.ok();
    let id = |n: usize| &first["results"][n]["task_id"];
    assert_eq!(*id(1), earlier);
    assert!(id(0).is_string() && id(0) == id(2) && *id(0) != earlier);
    let error = &first["results"][3]["error"];
    assert_eq!(error["code"], "idempotency_conflict");
    assert_eq!(error["field"], "idempotency_key");
    assert_eq!(
        (&first["accepted"], &first["rejected"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(market.post("/tasks/batch", batch).await.ok(), first);
    assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 2);
}

#[tokio::test]
async fn a_bad_batch_is_refused_whole_and_changes_nothing() {
    let mut limits = Limits::default();
    limits.max_batch = 3;
    // What a worker holds it can name in one request.
    limits.max_claim = 3;
    limits.max_leases_per_worker = 3;
    let coordinator = Coordinator::builder(MemoryStore::new()).limits(limits);
    let options = RouteOptions::new().with_max_body_bytes(1_000);
    let market = Market::with(coordinator, options).await;
    let id = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    claim(&market, "alice").await;
    let vote = format!(r#"{{"task_id": "{id}", "label": "a", "confidence": 1}}"#);
    let task = r#"{"text": "t"}"#;
    let four = |item: &str| [item; 4].join(",");
    let before = market.coordinator.stats().await.unwrap();
    let (tasks, votes) = ("/tasks/batch", "/workers/submit/batch");
    for (path, body, status, code, field) in [
        (tasks, "{}".to_owned(), 422, "invalid", Some("tasks")),
        (
            tasks,
            r#"{"tasks": null}"#.to_owned(),
            422,
            "invalid",
            Some("tasks"),
        ),
        (
            tasks,
            format!(r#"{{"tasks": {task}}}"#),
            422,
            "invalid",
            Some("tasks"),
        ),
        (
            tasks,
            r#"{"tasks": "[]"}"#.to_owned(),
            422,
            "invalid",
            Some("tasks"),
        ),
        (
            tasks,
            format!(r#"{{"tasks": [{task}], "tasks": 7}}"#),
            422,
            "invalid",
            Some("tasks"),
        ),
        (tasks, format!("[{task}]"), 422, "invalid", None),
        (tasks, String::new(), 400, "malformed", None),
        (
            tasks,
            format!(r#"{{"tasks": [{task},]}}"#),
            400,
            "malformed",
            None,
        ),
        (
            tasks,
            format!(r#"{{"tasks": [{task}]"#),
            400,
            "malformed",
            None,
        ),
        (
            tasks,
            format!(r#"{{"tasks": [{task}]}} {{}}"#),
            400,
            "malformed",
            None,
        ),
        (
            tasks,
            format!(r#"{{"tasks": [{}]}}"#, four(task)),
            413,
            "too_large",
            Some("tasks"),
        ),
        (
            tasks,
            format!(r#"{{"tasks": [{task}], "x": "{}"}}"#, "x".repeat(1_000)),
            413,
            "too_large",
            None,
        ),
        (
            votes,
            format!(r#"{{"submissions": [{vote}]}}"#),
            422,
            "invalid",
            Some("worker_id"),
        ),
        (
            votes,
            format!(r#"{{"worker_id": "a\nb", "submissions": [{vote}]}}"#),
            422,
            "invalid",
            Some("worker_id"),
        ),
        (
            votes,
            format!(r#"{{"worker_id": 7, "submissions": [{vote}]}}"#),
            422,
            "invalid",
            Some("worker_id"),
        ),
        (
            votes,
            r#"{"worker_id": "alice"}"#.to_owned(),
            422,
            "invalid",
            Some("submissions"),
        ),
        (
            votes,
            format!(r#"{{"worker_id": "alice", "submissions": {vote}}}"#),
            422,
            "invalid",
            Some("submissions"),
        ),
        (
            votes,
            format!(
                r#"{{"worker_id": "alice", "submissions": [{}]}}"#,
                four(&vote)
            ),
            413,
            "too_large",
            Some("submissions"),
        ),
    ] {
        println!("{path} {body:.100}");
        post(&market, path, &body)
            .await
            .is_error(status, code, field);
    }
    let invalid = b"{\"tasks\": [{\"text\": \"\xff\"}]}".to_vec();
    let answer = market.ask(Method::POST, tasks, JSON, Some(invalid)).await;
    answer.is_error(400, "malformed", None);
    let text = [("content-type", "text/plain")];
    let body = format!(r#"{{"tasks": [{task}]}}"#).into_bytes();
    let answer = market.ask(Method::POST, tasks, &text, Some(body)).await;
    answer.is_error(415, "unsupported_media_type", None);
    assert_eq!(market.coordinator.stats().await.unwrap(), before);
    // As many as may be.
    let three = [task; 3].join(",");
    let answer = post(&market, tasks, &format!(r#"{{"tasks": [{three}]}}"#)).await;
    assert_eq!(answer.ok()["accepted"], 3);
    let three = vec![vote; 3].join(",");
    let body = format!(r#"{{"worker_id": "alice", "submissions": [{three}]}}"#);
    let results = post(&market, votes, &body).await.ok()["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_empty_batch_has_no_results() {
    let market = open().await;
    let none = market.post("/tasks/batch", json!({"tasks": []})).await.ok();
    assert_eq!(none, json!({"results": [], "accepted": 0, "rejected": 0}));
    assert_eq!(submit(&market, "alice", &[]).await, json!([]));
}

#[tokio::test]
async fn what_a_full_market_takes_of_a_batch_is_taken() {
    let mut limits = Limits::default();
    limits.max_open_tasks = 2;
    let coordinator = Coordinator::builder(MemoryStore::new()).limits(limits);
    let market = Market::with(coordinator, RouteOptions::new()).await;
    let tasks = json!({"tasks": vec![json!({"text": "t"}); 3]});
    let answer = market.post("/tasks/batch", tasks).await.ok();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(2), &json!(1))
    );
    let error = &answer["results"][2]["error"];
    assert_eq!(error["code"], "market_full");
    assert_eq!(error["retry_after_seconds"], 5.0);
}

#[tokio::test]
async fn a_worker_called_as_the_route_is_can_be_suspended() {
    let market = open().await;
    let register = json!({"worker_id": "submit"});
    market.post("/workers/register", register).await.ok();
    let reason = json!({"reason": "x"});
    market.post("/workers/submit/suspend", reason).await.ok();
    let worker = market.get("/workers/submit").await.ok();
    assert_eq!(worker["standing"]["state"], "suspended");
    let wrong = market.get("/workers/submit/batch").await;
    wrong.is_error(405, "method_not_allowed", None);
    assert_eq!(wrong.header("allow"), Some("POST"));
}

#[tokio::test]
async fn a_batch_is_one_request_and_its_items_are_counted() {
    let market = open().await;
    let tasks = ["a", "", "b", "c"].map(|text| json!({"text": text}));
    market
        .post("/tasks/batch", json!({"tasks": tasks}))
        .await
        .ok();
    let vote = json!({"task_id": UNKNOWN, "label": "a", "confidence": 1});
    submit(&market, "alice", &[vote.clone(), json!(7), vote]).await;
    let text = market.get("/metrics").await.text;
    for line in [
        r#"ai_market_http_requests_total{method="POST",route="/tasks/batch",status="200"} 1"#,
        r#"ai_market_http_batch_items_total{result="ok",route="/tasks/batch"} 3"#,
        r#"ai_market_http_batch_items_total{result="invalid",route="/tasks/batch"} 1"#,
        r#"ai_market_http_batch_items_total{result="unknown_task",route="/workers/submit/batch"} 2"#,
        r#"ai_market_http_batch_items_total{result="invalid",route="/workers/submit/batch"} 1"#,
        r#"ai_market_tasks_created_total{task_type="sentiment"} 3"#,
        r#"ai_market_votes_total{outcome="unknown_task"} 2"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let activity = market.get("/activity").await.ok();
    let created = activity["created"].as_array().unwrap().iter();
    assert_eq!(created.filter_map(Value::as_u64).sum::<u64>(), 3);
}
