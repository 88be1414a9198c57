//! Tasks and their lives, as clients and workers of the original system see them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::soon;
use crate::{LATER, NOON, claim, create, open, pages};

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
        "workers_gone": 0, "tasks_short_of_workers": 0, "task_types_unserved": 0,
        "tasks_by_status": {"queued": 0, "assigned": 0, "finalized": 1, "failed": 0, "cancelled": 0},
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
async fn a_claim_is_repeated_by_its_request_id() {
    let market = open().await;
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        let body = json!({"text": text, "required_submissions": 1});
        ids.push(create(&market, body).await);
    }
    let claim = async |request_id: Value| {
        let body = json!({"worker_id": "alice", "request_id": request_id});
        market.post("/tasks/next", body).await.ok()
    };
    let first = claim(json!("7f3a")).await;
    assert_eq!(
        (&first["task_id"], &first["text"]),
        (&json!(ids[0]), &json!("a"))
    );
    assert_eq!(claim(json!("7f3a")).await, first);
    assert_eq!(claim(json!("7f3b")).await["task_id"], json!(ids[1]));
    assert_eq!(claim(Value::Null).await["task_id"], json!(ids[2]));
    assert_eq!(claim(json!("7f3a")).await, first);
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
async fn params_reference_and_tags_are_shown_where_they_are_set() {
    let market = open().await;
    let body = json!({
        "text": "t", "params": {"b": 1, "a": [0.5]}, "reference": " row 7 ", "tags": ["z", "a", "z"],
        "idempotency_key": "k",
    });
    let id = create(&market, body.clone()).await;
    assert_eq!(create(&market, body.clone()).await, id);
    let nothing = json!({"text": "u", "params": null, "reference": null, "tags": null});
    create(&market, nothing).await;
    create(&market, json!({"text": "v", "tags": []})).await;
    let tasks = market.get("/tasks").await.ok();
    let details = market.get(&format!("/tasks/{id}")).await.ok();
    for task in [&tasks[0], &details] {
        assert_eq!(task["params"], json!({"a": [0.5], "b": 1}));
        assert_eq!(task["reference"], " row 7 ");
        assert_eq!(task["tags"], json!(["a", "z"]));
        assert!(task.get("salt").is_none());
    }
    for plain in [&tasks[1], &tasks[2]] {
        for field in ["params", "reference", "tags"] {
            assert_eq!(plain.get(field), None, "{field}");
        }
    }
    let mut other = body;
    other["params"]["b"] = 2.into();
    market.post("/tasks", other).await.is_error(
        409,
        "idempotency_conflict",
        Some("idempotency_key"),
    );
    // An assignment is what it was.
    let assignment = &claim(&market, "alice").await["tasks"][0];
    let mut fields: Vec<_> = assignment.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["lease_until", "task_id", "task_type", "text"]);
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
async fn lists_are_paged_by_links() {
    let market = open().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let body = json!({"text": format!("text {n}"), "required_submissions": 1});
        ids.push(create(&market, body).await);
    }
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    for limit in [1, 2, 5, 6, 5_000] {
        for (order, ids) in [("", &ids), ("&order=newest", &newest_first)] {
            let path = format!("/tasks?status=queued{order}&limit={limit}");
            let pages = pages(&market, &path).await;
            assert!(pages.iter().all(|page| page.len() <= limit));
            let seen: Vec<_> = pages.concat().iter().map(|t| t["id"].clone()).collect();
            assert_eq!(&seen, ids, "{path}");
        }
    }
    assert_eq!(
        market.get("/tasks?order=oldest").await.ok(),
        market.get("/tasks").await.ok()
    );
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

#[tokio::test]
async fn every_answer_names_its_request() {
    let market = open().await;
    let mut made = Vec::new();
    for (path, status) in [
        ("/health", 200),
        ("/docs", 200),
        ("/tasks/none", 404),
        ("/nowhere", 404),
        ("/metrics", 200),
    ] {
        let answer = market.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        made.push(answer.header("x-request-id").unwrap().to_owned());
        let taken = [("x-request-id", "my.request_1-A")];
        let answer = market.ask(Method::GET, path, &taken, None).await;
        assert_eq!(answer.header("x-request-id"), Some("my.request_1-A"));
        let long = "x".repeat(65);
        for bad in ["a b", "\u{e4}", &long] {
            let given = [("x-request-id", bad)];
            let answer = market.ask(Method::GET, path, &given, None).await;
            made.push(answer.header("x-request-id").unwrap().to_owned());
        }
    }
    // Refused before the routes are asked.
    let foreign = [("host", "evil.example"), ("x-request-id", "mine")];
    let answer = market.ask(Method::GET, "/health", &foreign, None).await;
    answer.is_error(403, "forbidden", None);
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    let all = made.len();
    made.sort();
    made.dedup();
    assert!(
        made.len() == all && made.iter().all(|id| id.len() == 32),
        "{made:?}"
    );
}
