//! Many answers in one request.

use serde_json::json;

use crate::batches::{UNKNOWN, alone, list, post, submit};
use crate::{claim, create, open};

#[tokio::test]
async fn votes_are_handed_in_in_order() {
    let market = open().await;
    let mut ids = Vec::new();
    for required in [1, 2, 1] {
        let task = json!({"text": "t", "required_submissions": required});
        ids.push(create(&market, task).await);
    }
    let body = json!({"worker_id": "alice", "limit": 3});
    market.post("/tasks/next", body).await.ok();
    let vote = |id: &str| {
        json!({
            "task_id": id, "label": "positive", "confidence": 0.75, "truncated": true,
            "scores": {"positive": 0.75, "negative": 0.25},
            "model": {"id": "m", "revision": "1f", "precision": "f32"}, "unknown": 1,
        })
    };
    let votes = [vote(&ids[1]), vote(UNKNOWN), vote(&ids[0]), vote(&ids[1])];
    let unknown = json!({"code": "unknown_task", "message": format!("there is no task {UNKNOWN}")});
    let taken = json!([
        {"ok": true, "finalized": false},
        {"error": unknown},
        {"ok": true, "finalized": true},
        {"ok": true, "finalized": false, "duplicate": true},
    ]);
    assert_eq!(submit(&market, "alice", &votes).await, taken);
    // What a vote says is kept as that of a single one is.
    let details = market.get(&format!("/tasks/{}", ids[0])).await.ok();
    let mut kept = vote(&ids[0]);
    let kept = kept.as_object_mut().unwrap();
    kept.remove("task_id");
    kept.remove("unknown");
    for (name, value) in kept {
        assert_eq!(details["submissions"][0][name], *value, "{name}");
    }
    assert_eq!(details["submissions"][0]["worker_id"], "alice");
    // Sent again, it changes nothing.
    let again = submit(&market, "alice", &votes).await;
    assert_eq!(
        again[2],
        json!({"ok": true, "finalized": true, "duplicate": true})
    );
    assert_eq!(again[1], taken[1]);
}

#[tokio::test]
async fn a_bad_vote_gets_the_error_that_it_gets_alone() {
    let market = open().await;
    let register = json!({"worker_id": "alice", "model": "m"});
    market.post("/workers/register", register).await.ok();
    let distinct = json!({"text": "t", "distinct_models": true, "required_submissions": 2});
    let distinct = create(&market, distinct).await;
    let closed = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    claim(&market, "alice").await;
    claim(&market, "bob").await;
    let bobs = json!({"worker_id": "bob", "task_id": closed, "label": "a", "confidence": 1});
    market.post("/workers/submit", bobs).await.ok();
    let free = create(&market, json!({"text": "t"})).await;

    let vote = |rest: &str| format!(r#"{{"task_id": "{free}", {rest}}}"#);
    let plain = |id: &str| format!(r#"{{"task_id": "{id}", "label": "a", "confidence": 1}}"#);
    let long = "x".repeat(5_000);
    let bad = [
        "{}".to_owned(),
        r#"{"task_id": "7", "label": "a", "confidence": 1}"#.to_owned(),
        vote(r#""confidence": 1"#),
        vote(r#""label": "", "confidence": 1"#),
        vote(&format!(r#""label": "{long}", "confidence": 1"#)),
        vote(r#""label": "a""#),
        vote(r#""label": "a", "confidence": 1.5"#),
        vote(r#""label": "a", "confidence": 1e999"#),
        vote(r#""label": "a", "confidence": "high""#),
        vote(r#""label": "a", "confidence": 1, "scores": {"a": 2}"#),
        vote(r#""label": "a", "confidence": 1, "scores": [1]"#),
        vote(r#""label": "a", "confidence": 1, "model": {}"#),
        vote(r#""label": "a", "confidence": 1, "truncated": 1"#),
        plain(UNKNOWN),
        plain(&free),
        plain(&closed),
        format!(r#"{{"task_id": "{distinct}", "label": "a", "confidence": 1, "model": "n"}}"#),
    ];
    let mut expected = Vec::new();
    let mut codes = std::collections::BTreeSet::new();
    for bad in &bad {
        // The same text, as far as it is what an error can point at.
        let open = bad.strip_suffix('}').unwrap();
        let comma = if bad == "{}" { "" } else { ", " };
        let single = format!(r#"{open}{comma}"worker_id": "alice"}}"#);
        let error = alone(&market, "/workers/submit", &single).await;
        codes.insert(error["error"]["code"].as_str().unwrap().to_owned());
        expected.push(error);
    }
    for code in [
        "malformed",
        "invalid",
        "unknown_task",
        "not_assigned",
        "closed",
        "other_model",
    ] {
        assert!(codes.contains(code), "{code} of {codes:?}");
    }
    let mut items = bad.to_vec();
    let mut good = plain(&distinct);
    good.insert_str(1, r#""model": "m", "#);
    items.push(good);
    items.push("[]".to_owned());
    let (head, items) = (r#""worker_id": "alice""#, list(&items));
    let body = format!(r#"{{"submissions": [{items}], {head}}}"#);
    let answer = post(&market, "/workers/submit/batch", &body).await.ok();
    let results = answer["results"].as_array().unwrap();
    for ((bad, expected), result) in bad.iter().zip(&expected).zip(results) {
        assert_eq!(result, expected, "{bad:.100}");
    }
    assert_eq!(results[bad.len()], json!({"ok": true, "finalized": false}));
    let no_object = json!({"code": "invalid", "message": "the body must be a JSON object"});
    assert_eq!(results[bad.len() + 1], json!({"error": no_object}));
    assert_eq!(results.len(), bad.len() + 2);
}
