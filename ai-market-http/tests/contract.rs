//! The wire contract: the JSON of every route as clients and workers of the original system see it.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use ai_market_core::time::{Clock, Timestamp};
use ai_market_http::RouteOptions;
use common::{Market, soon};
use reqwest::{Method, StatusCode};
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
    Market::with(common::coordinator().clock(Noon), options).await
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

#[tokio::test]
async fn the_life_of_a_task_as_the_original_lives_it() {
    let market = open().await;
    assert_eq!(market.get("/health").await.ok(), json!({"ok": true}));
    let id = create(
        &market,
        json!({"text": "What a day!", "required_submissions": 2}),
    )
    .await;
    let open_task = json!({
        "id": id, "text": "What a day!", "task_type": "sentiment", "status": "queued",
        "final_label": null, "required_submissions": 2, "submission_count": 0,
        "wanted": 2, "max_submissions": 2, "max_attempts": 5, "attempts": 0, "lease_count": 0,
        "priority": 0, "deadline": null, "distinct_models": false, "created_at": NOON, "decided_at": null,
        "agreement": null, "policy": null, "failure_reason": null,
    });
    assert_eq!(market.get("/tasks").await.ok(), json!([open_task]));

    let registered = market
        .post("/workers/register", json!({"worker_id": "alice"}))
        .await
        .ok();
    let terms = json!({"ok": true, "lease_seconds": 60.0, "heartbeat_seconds": 15.0});
    assert_eq!(registered, terms);

    // Bob never registers, as some workers of the original do not.
    for worker in ["alice", "bob"] {
        let assignment = json!({
            "task_id": id, "text": "What a day!", "task_type": "sentiment", "lease_until": LATER,
        });
        let next = json!({"task_id": id, "text": "What a day!", "tasks": [assignment]});
        assert_eq!(claim(&market, worker).await, next);
        let nothing = json!({"task_id": null, "text": null, "tasks": []});
        assert_eq!(claim(&market, worker).await, nothing);
    }

    let beat = market
        .post("/workers/heartbeat", json!({"worker_id": "alice"}))
        .await
        .ok();
    assert_eq!(beat, json!({"ok": true, "ts": NOON, "gone": []}));

    let mut vote = json!({
        "worker_id": "alice", "task_id": id, "label": "positive", "confidence": 1,
        "something_else": {"is": "ignored"},
    });
    let receipt = market.post("/workers/submit", vote.clone()).await.ok();
    assert_eq!(receipt, json!({"ok": true, "finalized": false}));
    let repeated = market.post("/workers/submit", vote.clone()).await.ok();
    assert_eq!(
        repeated,
        json!({"ok": true, "finalized": false, "duplicate": true})
    );

    // Votes are blind, and bob's lease shows.
    let details = market.get(&format!("/tasks/{id}")).await.ok();
    assert_eq!(details["status"], "assigned");
    assert_eq!(details["submission_count"], 1);
    assert_eq!(details["submissions"], json!([]));
    let lease = json!({"worker_id": "bob", "claimed_at": NOON, "lease_until": LATER});
    assert_eq!(details["leases"], json!([lease]));
    assert_eq!(details["able_workers"], 2);
    assert_eq!(details["waiting_for"], Value::Null);

    vote["worker_id"] = "carol".into();
    let answer = market.post("/workers/submit", vote.clone()).await;
    answer.is_error(409, "not_assigned", None);
    let bobs = json!({
        "worker_id": "bob", "task_id": id, "label": "positive", "confidence": 0.75,
        "scores": {"positive": 0.75, "negative": 0.25}, "truncated": true,
        "model": {"id": "m", "revision": "1f", "precision": "f32"},
    });
    let receipt = market.post("/workers/submit", bobs).await.ok();
    assert_eq!(receipt, json!({"ok": true, "finalized": true}));
    market
        .post("/workers/submit", vote)
        .await
        .is_error(409, "closed", None);

    let details = market
        .get(&format!("/tasks/{id}?wait_seconds=0.5"))
        .await
        .ok();
    let mut decided = open_task;
    decided["status"] = "finalized".into();
    decided["final_label"] = "positive".into();
    decided["submission_count"] = 2.into();
    decided["decided_at"] = NOON.into();
    decided["agreement"] = 1.0.into();
    decided["policy"] = "majority/1".into();
    assert_eq!(
        market.get("/tasks?status=finalized").await.ok(),
        json!([decided])
    );
    decided["leases"] = json!([]);
    decided["able_workers"] = Value::Null;
    decided["waiting_for"] = Value::Null;
    decided["submissions"] = json!([
        {
            "worker_id": "alice", "label": "positive", "confidence": 1.0, "scores": null,
            "model": null, "truncated": false, "submitted_at": NOON, "late": false,
        },
        {
            "worker_id": "bob", "label": "positive", "confidence": 0.75,
            "scores": {"positive": 0.75, "negative": 0.25},
            "model": {"id": "m", "revision": "1f", "precision": "f32"},
            "truncated": true, "submitted_at": NOON, "late": false,
        },
    ]);
    assert_eq!(details, decided);

    let board = market.get("/leaderboard").await;
    assert_eq!(board.header("link"), None);
    let place = |worker| json!({"worker_id": worker, "points": 1, "submissions": 1});
    assert_eq!(board.ok(), json!([place("alice"), place("bob")]));
    let stats = json!({
        "tasks": 1, "submissions": 2, "workers": 2, "tasks_total": 1, "workers_stale": 0,
        "workers_gone": 0, "tasks_short_of_workers": 0,
        "tasks_by_status": {"queued": 0, "assigned": 0, "finalized": 1, "failed": 0},
        "tasks_by_type": {"sentiment": {"finalized": 1}},
    });
    assert_eq!(market.get("/db/stats").await.ok(), stats);
}

#[tokio::test]
async fn names_of_the_original_are_taken() {
    let market = open().await;
    create(&market, json!({"text": "t", "type": "ner"})).await;
    create(
        &market,
        json!({"text": "t", "task_type": "ner", "type": "other"}),
    )
    .await;
    create(
        &market,
        json!({"text": "t", "type": null, "task_type": null, "priority": null}),
    )
    .await;
    let tasks = market.get("/tasks").await.ok();
    let types: Vec<_> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["task_type"])
        .collect();
    assert_eq!(types, ["ner", "ner", "sentiment"]);

    let register = json!({"worker_id": "nora", "capabilities_json": "[\"ner\"]", "model": "m"});
    market.post("/workers/register", register).await.ok();
    let body = json!({"worker_id": "nora", "limit": 9});
    let claimed = market.post("/tasks/next", body).await.ok();
    assert_eq!(claimed["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(claimed["tasks"][0]["task_id"], claimed["task_id"]);
}

#[tokio::test]
async fn leases_are_given_back() {
    let market = open().await;
    let id = create(&market, json!({"text": "t"})).await;
    claim(&market, "alice").await;
    let other = "01890a5d-ac96-774b-bcce-b302099a8057";
    let body = json!({"worker_id": "alice", "task_ids": [id, other]});
    let beat = market.post("/workers/heartbeat", body.clone()).await.ok();
    assert_eq!(beat["gone"], json!([other]));
    let released = market.post("/workers/release", body.clone()).await.ok();
    assert_eq!(released, json!({"released": 1}));
    claim(&market, "bob").await;
    let body = json!({"worker_id": "bob", "task_ids": [id], "failed": "out of memory"});
    assert_eq!(
        market.post("/workers/release", body).await.ok(),
        json!({"released": 1})
    );
    let details = market.get(&format!("/tasks/{id}")).await.ok();
    assert_eq!(details["attempts"], 1);
}

#[tokio::test]
async fn an_idempotency_key_conflicts_with_another_task() {
    let market = open().await;
    let body = json!({"text": "t", "idempotency_key": "k"});
    let id = create(&market, body.clone()).await;
    assert_eq!(create(&market, body).await, id);
    let answer = market
        .post("/tasks", json!({"text": "u", "idempotency_key": "k"}))
        .await;
    answer.is_error(409, "idempotency_conflict", Some("idempotency_key"));
}

#[tokio::test]
async fn an_earlier_instance_is_superseded() {
    let market = open().await;
    for instance in ["one", "two"] {
        let body = json!({"worker_id": "alice", "instance": instance});
        market.post("/workers/register", body).await.ok();
    }
    let beat = json!({"worker_id": "alice", "instance": "one"});
    market
        .post("/workers/heartbeat", beat)
        .await
        .is_error(409, "superseded", None);
}

#[tokio::test]
async fn a_task_that_nobody_can_do_says_what_it_waits_for() {
    let market = open().await;
    let body = json!({"text": "t", "task_type": "ner", "distinct_models": true});
    let id = create(&market, body).await;
    let details = market.get(&format!("/tasks/{id}")).await.ok();
    assert_eq!(details["able_workers"], 0);
    assert_eq!(
        details["waiting_for"],
        "no live worker serves the task type ner"
    );
    assert_eq!(details["distinct_models"], true);
}

/// Alice answers with a model for all types, bob with one for ner that names its labels.
async fn two_workers_and_three_tasks() -> Market {
    let market = open().await;
    let labelled = json!({"id": "b", "precision": "int8", "labels": ["PER", "LOC"]});
    for worker in [
        json!({"worker_id": "alice", "capabilities": ["sentiment", "ner"], "model": "a"}),
        json!({"worker_id": "bob", "capabilities": ["ner"], "models": {"ner": labelled}}),
    ] {
        market.post("/workers/register", worker).await.ok();
    }
    for task in [
        json!({"text": "t", "required_submissions": 1}),
        json!({"text": "t", "required_submissions": 2, "type": "ner"}),
        json!({"text": "t", "required_submissions": 2, "type": "translation"}),
    ] {
        create(&market, task).await;
    }
    for worker in ["alice", "alice", "bob"] {
        let id = claim(&market, worker).await["task_id"].clone();
        let vote = json!({"worker_id": worker, "task_id": id, "label": "x", "confidence": 1});
        market.post("/workers/submit", vote).await.ok();
    }
    market
}

/// As many answers, which all agree; no time passes.
fn tally(mut named: Value, answers: u64) -> Value {
    let counts = json!({
        "points": answers, "submissions": answers, "late": 0, "agreements": answers,
        "disagreements": 0, "agreement": 1.0, "lost_leases": 0, "timed": answers,
        "mean_latency_seconds": 0.0,
    });
    let counts = counts.as_object().unwrap().clone();
    named.as_object_mut().unwrap().extend(counts);
    named
}

#[tokio::test]
async fn workers_models_and_types_are_shown() {
    let market = two_workers_and_three_tasks().await;
    let active = json!({"state": "active", "reason": null, "max_leases": null});
    let mut bob = json!({
        "worker_id": "bob", "owner": null, "state": "active", "last_seen": NOON,
        "last_heartbeat": null, "stale_at": "2026-01-31T12:00:30.000000Z",
        "gone_at": "2026-01-31T12:00:45.000000Z", "registered_at": NOON, "standing": active,
        "standings": [], "capabilities": ["ner"], "model": null,
        "models": {"ner": {"id": "b", "precision": "int8", "labels": ["PER", "LOC"]}},
        "points": 1, "submissions": 1, "leases": 0,
    });
    let workers = market.get("/workers").await.ok();
    assert_eq!(workers[0]["model"], json!({"id": "a"}));
    assert_eq!(workers[1], bob);
    assert_eq!(workers.as_array().unwrap().len(), 2);
    let model = json!({"id": "b", "precision": "int8"});
    let group = json!({"model": model, "task_type": "ner"});
    bob["tallies"] = json!([tally(group, 1)]);
    bob["specialization"] = json!([]);
    assert_eq!(market.get("/workers/bob").await.ok(), bob);

    let of_type = |name: &str, workers, labels: Value| json!({"task_type": name, "workers": workers, "labels": labels});
    let (ner, sentiment) = (
        of_type("ner", 1, json!([])),
        of_type("sentiment", 1, json!([])),
    );
    let mut a = tally(json!({"model": {"id": "a"}}), 2);
    a["task_types"] = json!([tally(ner, 1), tally(sentiment, 1)]);
    let mut b = tally(json!({"model": model}), 1);
    b["task_types"] = json!([tally(of_type("ner", 1, json!(["PER", "LOC"])), 1)]);
    assert_eq!(market.get("/models").await.ok(), json!([a, b]));

    let types = market.get("/task-types").await.ok();
    let ner = json!({
        "task_type": "ner", "queued": 0, "assigned": 0, "open": 0, "finalized": 1, "failed": 0,
        "workers": 2, "models": 2, "served": true, "policy": "majority/1",
        "comparator": types[0]["comparator"],
    });
    assert_eq!(types[0], ner);
    let translation = &types[2];
    assert_eq!(
        (&translation["open"], &translation["served"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(types.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_leaderboard_tells_how_workers_models_and_types_did() {
    let market = two_workers_and_three_tasks().await;
    let alice = tally(json!({"worker_id": "alice"}), 2);
    let bob = tally(json!({"worker_id": "bob"}), 1);
    let board = async |query: &str| market.get(&format!("/leaderboard{query}")).await.ok();
    assert_eq!(board("?by=worker").await, json!([alice, bob]));
    let alice = tally(json!({"worker_id": "alice"}), 1);
    for query in ["?task_type=ner", "?by=worker&task_type=ner"] {
        assert_eq!(board(query).await, json!([alice, bob]), "{query}");
    }
    assert_eq!(board("?task_type=none").await, json!([]));
    let a = tally(json!({"model": {"id": "a"}}), 2);
    let b = tally(json!({"model": {"id": "b", "precision": "int8"}}), 1);
    assert_eq!(board("?by=model").await, json!([a, b]));
    let ner = tally(json!({"task_type": "ner"}), 2);
    let sentiment = tally(json!({"task_type": "sentiment"}), 1);
    assert_eq!(board("?by=task_type").await, json!([ner, sentiment]));
}

#[tokio::test]
async fn a_worker_is_suspended_and_reinstated() {
    let market = open().await;
    let id = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    assert_eq!(claim(&market, "al/ice").await["task_id"], id);
    let ask = async |what: &str, body| {
        let path = format!("/workers/al%2Fice/{what}");
        assert_eq!(market.post(&path, body).await.ok(), json!({"ok": true}));
    };
    ask(
        "suspend",
        json!({"reason": " guesses ", "task_type": "ner"}),
    )
    .await;
    ask("suspend", json!({"reason": "guesses more"})).await;
    let details = market.get("/workers/al%2Fice").await.ok();
    let standing = json!({"state": "suspended", "reason": "guesses more", "max_leases": null});
    assert_eq!(details["standing"], standing);
    let mut expected = Vec::new();
    for (task_type, reason) in [(Value::Null, "guesses more"), ("ner".into(), "guesses")] {
        expected.push(json!({
            "task_type": task_type, "state": "suspended", "reason": reason,
            "max_leases": null, "cause": "by hand", "since": NOON,
        }));
    }
    assert_eq!(details["standings"], json!(expected));
    assert_eq!(details["leases"], 0, "what it held goes to others");

    let refused = market
        .post("/tasks/next", json!({"worker_id": "al/ice"}))
        .await;
    refused.is_error(403, "suspended", None);
    assert_eq!(refused.header("retry-after"), Some("30"));
    assert!(refused.text.contains("guesses more"), "{}", refused.text);
    let vote = json!({"worker_id": "al/ice", "task_id": id, "label": "a", "confidence": 1});
    let answer = market.post("/workers/submit", vote).await;
    answer.is_error(409, "not_assigned", None);
    assert_eq!(claim(&market, "bob").await["task_id"], id);

    ask("reinstate", json!({})).await;
    let details = market.get("/workers/al%2Fice").await.ok();
    assert_eq!(details["standings"], json!([]));
    create(&market, json!({"text": "t"})).await;
    assert!(claim(&market, "al/ice").await["task_id"].is_string());
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

#[tokio::test]
async fn lists_are_paged_by_links() {
    let market = open().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let body = json!({"text": format!("text {n}"), "required_submissions": 1});
        ids.push(create(&market, body).await);
    }
    for limit in [1, 2, 5, 6, 5_000] {
        let pages = pages(&market, &format!("/tasks?status=queued&limit={limit}")).await;
        assert!(pages.iter().all(|page| page.len() <= limit));
        let seen: Vec<_> = pages.concat().iter().map(|t| t["id"].clone()).collect();
        assert_eq!(seen, ids, "limit {limit}");
    }
    assert_eq!(
        pages(&market, "/tasks?limit=0").await,
        [Vec::<Value>::new()]
    );
    assert_eq!(
        pages(&market, "/tasks?status=failed").await,
        [Vec::<Value>::new()]
    );
    assert_eq!(
        pages(&market, "/tasks?task_type=ner").await,
        [Vec::<Value>::new()]
    );

    for worker in ["zoë", "a~b", "x & y"] {
        let id = claim(&market, worker).await["task_id"].clone();
        let vote = json!({"worker_id": worker, "task_id": id, "label": "a", "confidence": 1});
        market.post("/workers/submit", vote).await.ok();
    }
    for limit in [1, 2, 3] {
        let board = pages(&market, &format!("/leaderboard?limit={limit}"))
            .await
            .concat();
        let seen: Vec<_> = board
            .iter()
            .map(|place| place["worker_id"].clone())
            .collect();
        assert_eq!(seen, ["a~b", "x & y", "zoë"], "limit {limit}");
    }
}

#[tokio::test]
async fn workers_models_and_types_are_paged_by_links() {
    let market = open().await;
    for (worker, kind) in [("zoë", "a/b"), ("a~b", "ner"), ("x & y", "z")] {
        let model = json!({"id": format!("{worker}|!"), "revision": "1|"});
        let registered = json!({"worker_id": worker, "capabilities": [kind], "model": model});
        market.post("/workers/register", registered).await.ok();
        let task = json!({"text": "t", "task_type": kind, "required_submissions": 1});
        create(&market, task).await;
        let id = claim(&market, worker).await["task_id"].clone();
        let vote = json!({"worker_id": worker, "task_id": id, "label": "a", "confidence": 1});
        market.post("/workers/submit", vote).await.ok();
    }
    for path in [
        "/workers?",
        "/models?",
        "/task-types?",
        "/leaderboard?by=worker&",
        "/leaderboard?by=model&",
        "/leaderboard?by=task_type&",
    ] {
        let all = market.get(&format!("{path}limit=10")).await.ok();
        assert_eq!(all.as_array().unwrap().len(), 3, "{path}");
        for limit in [1, 2, 3] {
            let pages = pages(&market, &format!("{path}limit={limit}")).await;
            assert!(pages.iter().all(|page| page.len() <= limit));
            assert_eq!(json!(pages.concat()), all, "{path} {limit}");
        }
    }
}

#[tokio::test]
async fn operations_work_where_they_are_allowed() {
    let market = open().await;
    create(&market, json!({"text": "t"})).await;
    let post = |path| market.ask(Method::POST, path, &[], None);
    assert_eq!(
        post("/ops/requeue-stale").await.ok(),
        json!({"requeued": 0})
    );
    assert_eq!(post("/ops/reset").await.ok(), json!({"ok": true}));
    assert_eq!(market.get("/tasks").await.ok(), json!([]));
}

#[tokio::test]
async fn a_wait_ends_with_the_decision() {
    let market = open().await;
    let id = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    let path = format!("/tasks/{id}?wait_seconds=20");
    let waiting = market.get(&path);
    let working = async {
        claim(&market, "alice").await;
        let vote = json!({"worker_id": "alice", "task_id": id, "label": "a", "confidence": 1});
        market.post("/workers/submit", vote).await.ok();
    };
    let (details, ()) = soon(async { tokio::join!(waiting, working) }).await;
    assert_eq!(details.ok()["final_label"], "a");
}

#[tokio::test]
async fn probabilities_come_back_to_the_last_digit() {
    let market = open().await;
    let id = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    claim(&market, "alice").await;
    let vote = json!({
        "worker_id": "alice", "task_id": id, "label": "a",
        "confidence": 0.9073038322028689, "scores": {"a": 0.48183792520110524},
    });
    market.post("/workers/submit", vote).await.ok();
    let text = market.get(&format!("/tasks/{id}")).await.text;
    for number in ["0.9073038322028689", "0.48183792520110524"] {
        assert!(text.contains(number), "{text}");
    }
}

#[tokio::test]
async fn metrics_count_tasks_and_requests() {
    let market = open().await;
    create(&market, json!({"text": "t", "task_type": "ner"})).await;
    claim(&market, "alice").await;
    for n in 0..3 {
        market.get(&format!("/tasks/{n}")).await;
        market.get(&format!("/nowhere/{n}")).await;
    }
    let answer = market.get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4")
    );
    for line in [
        r#"ai_market_tasks{status="queued",task_type="ner"} 1"#,
        "ai_market_submissions 0",
        "ai_market_workers 1",
        "ai_market_workers_stale 0",
        r#"ai_market_workers_by_state{state="active"} 1"#,
        r#"ai_market_workers_by_state{state="gone"} 0"#,
        "ai_market_task_types_unserved 1",
        r#"ai_market_http_requests_total{method="POST",route="/tasks",status="200"} 1"#,
        r#"ai_market_http_requests_total{method="POST",route="/tasks/next",status="200"} 1"#,
        r#"ai_market_http_requests_total{method="GET",route="/tasks/{id}",status="404"} 3"#,
        r#"ai_market_http_requests_total{method="GET",route="other",status="404"} 3"#,
        r#"ai_market_http_request_duration_seconds_count{route="/tasks"} 1"#,
    ] {
        assert!(
            answer.text.lines().any(|other| other == line),
            "{line}\n{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn head_answers_without_a_body() {
    let market = open().await;
    let answer = market.ask(Method::HEAD, "/health", &[], None).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
}
