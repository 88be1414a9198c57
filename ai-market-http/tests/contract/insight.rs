//! Who is there, and how good each worker and model is.

use serde_json::{Value, json};

use crate::common::Market;
use crate::{NOON, claim, create, open, pages};

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
        "last_heartbeat": null, "stale_at": "2026-01-31T12:00:31.000000Z",
        "gone_at": "2026-01-31T12:00:46.000000Z", "registered_at": NOON, "standing": active,
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
        "cancelled": 0, "workers": 2, "models": 2, "served": true, "policy": "majority/1",
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
