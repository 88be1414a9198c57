//! Bodies of requests, each bad in a way of its own.

use crate::ID;

/// A POST with its status, code and field.
pub(crate) type Case<'a> = (&'a str, String, u16, &'a str, Option<&'a str>);

fn vote(rest: &str) -> String {
    format!(r#"{{"worker_id": "alice", "task_id": "{ID}", {rest}}}"#)
}

pub(crate) fn bodies() -> Vec<Case<'static>> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_inside = format!(
        r#"{{"text": "t", "more": {}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let huge_text = format!(r#"{{"text": "{}"}}"#, "x".repeat(100_001));
    let long = |n: usize| "x".repeat(n);
    let huge_label = vote(&format!(r#""label": "{}", "confidence": 1"#, long(5_000)));
    let scores = |scores: &str| {
        vote(&format!(
            r#""label": "a", "confidence": 1, "scores": {scores}"#
        ))
    };
    let params = |a: &str| format!(r#"{{"text": "t", "params": {{"a": {a}}}}}"#);
    let lists = format!("{}{}", "[".repeat(8), "]".repeat(8));
    let seventeen: Vec<_> = (0..17).map(|n| n.to_string()).collect();
    let invalid = |path, body: &str, field| (path, body.to_owned(), 422, "invalid", Some(field));
    let malformed = |path, body: &str| (path, body.to_owned(), 400, "malformed", None);
    let many = vec![format!("\"{ID}\""); 1_001].join(",");
    vec![
        // No JSON.
        malformed("/tasks", ""),
        malformed("/tasks", "{"),
        malformed("/tasks", "text=hello"),
        malformed("/tasks", r#"{"text": "a"} {"text": "b"}"#),
        malformed("/tasks", &deep),
        malformed("/tasks", &deep_inside),
        malformed("/tasks", "{\"text\": \"\u{1}\"}"),
        malformed(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": NaN"#),
        ),
        malformed(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": 1e999"#),
        ),
        // No object.
        ("/tasks", "[]".to_owned(), 422, "invalid", None),
        ("/tasks", "null".to_owned(), 422, "invalid", None),
        (
            "/workers/register",
            r#"["alice"]"#.to_owned(),
            422,
            "invalid",
            None,
        ),
        // Tasks.
        invalid("/tasks", "{}", "text"),
        invalid("/tasks", r#"{"text": null}"#, "text"),
        invalid("/tasks", r#"{"text": 7}"#, "text"),
        invalid("/tasks", r#"{"text": ""}"#, "text"),
        invalid("/tasks", r#"{"text": " \n "}"#, "text"),
        invalid("/tasks", &huge_text, "text"),
        invalid("/tasks", r#"{"text": "t", "task_type": ""}"#, "task_type"),
        invalid(
            "/tasks",
            r#"{"text": "t", "task_type": "two words"}"#,
            "task_type",
        ),
        invalid("/tasks", r#"{"text": "t", "type": ["ner"]}"#, "type"),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": 0}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": -1}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": 101}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": 1.5}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": "3"}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "required_submissions": 99999999999999999999}"#,
            "required_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "max_submissions": 2}"#,
            "max_submissions",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "max_attempts": 0}"#,
            "max_attempts",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "priority": 3000000000}"#,
            "priority",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "deadline": "tomorrow"}"#,
            "deadline",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "deadline": "2001-01-01T00:00:00Z"}"#,
            "deadline",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "idempotency_key": ""}"#,
            "idempotency_key",
        ),
        invalid(
            "/tasks",
            r#"{"text": "t", "distinct_models": "yes"}"#,
            "distinct_models",
        ),
        invalid("/tasks", r#"{"text": "t", "params": []}"#, "params"),
        invalid("/tasks", r#"{"text": "t", "params": "{}"}"#, "params"),
        invalid("/tasks", &params(&lists), "params"),
        invalid("/tasks", &params(&format!("\"{}\"", long(4_096))), "params"),
        invalid(
            "/tasks",
            &params(&format!("\"{}\"", long(70_000))),
            "params",
        ),
        invalid("/tasks", r#"{"text": "t", "reference": " "}"#, "reference"),
        invalid(
            "/tasks",
            r#"{"text": "t", "reference": "a\nb"}"#,
            "reference",
        ),
        invalid(
            "/tasks",
            &format!(r#"{{"text": "t", "reference": "{}"}}"#, long(257)),
            "reference",
        ),
        invalid("/tasks", r#"{"text": "t", "tags": "a"}"#, "tags"),
        invalid("/tasks", r#"{"text": "t", "tags": ["a", " "]}"#, "tags[1]"),
        invalid(
            "/tasks",
            &format!(r#"{{"text": "t", "tags": ["{}"]}}"#, long(65)),
            "tags[0]",
        ),
        invalid(
            "/tasks",
            &format!(r#"{{"text": "t", "tags": {:?}}}"#, seventeen),
            "tags",
        ),
        // Batches as a whole.
        invalid("/tasks/batch", "{}", "tasks"),
        invalid("/tasks/batch", r#"{"tasks": {"text": "t"}}"#, "tasks"),
        malformed("/tasks/batch", r#"{"tasks": [{"text": "t"}, }"#),
        (
            "/tasks/batch",
            format!(
                r#"{{"tasks": [{}]}}"#,
                vec![r#"{"text": "t"}"#; 1_001].join(",")
            ),
            413,
            "too_large",
            Some("tasks"),
        ),
        invalid(
            "/workers/submit/batch",
            r#"{"submissions": []}"#,
            "worker_id",
        ),
        invalid(
            "/workers/submit/batch",
            r#"{"worker_id": "alice", "submissions": 7}"#,
            "submissions",
        ),
        // Workers.
        invalid("/workers/register", "{}", "worker_id"),
        invalid("/workers/register", r#"{"worker_id": ""}"#, "worker_id"),
        invalid("/workers/register", r#"{"worker_id": "a\nb"}"#, "worker_id"),
        invalid(
            "/workers/register",
            &format!(r#"{{"worker_id": "{}"}}"#, long(129)),
            "worker_id",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "capabilities": []}"#,
            "capabilities",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "capabilities": ["ner", "a b"]}"#,
            "capabilities[1]",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "capabilities_json": "{"}"#,
            "capabilities_json",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "model": {}}"#,
            "model.id",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "model": 7}"#,
            "model",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "model": {"id": "m", "precision": 16}}"#,
            "model.precision",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "models": {"ner": "m"}}"#,
            "models.ner",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "capabilities": ["ner"], "models": {"ner": {}}}"#,
            "models.ner.id",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "models": {"sentiment": 7}}"#,
            "models.sentiment",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "models": ["m"]}"#,
            "models",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "models": {"a b": "m"}}"#,
            "models.a b",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "models": {"sentiment": {"id": "m", "labels": [""]}}}"#,
            "models.sentiment.labels[0]",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "model": {"id": "m", "labels": "x"}}"#,
            "model.labels",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "model": {"id": " "}}"#,
            "model",
        ),
        invalid(
            "/workers/register",
            r#"{"worker_id": "w", "instance": 7}"#,
            "instance",
        ),
        invalid(
            "/workers/heartbeat",
            &format!(r#"{{"worker_id": "w", "task_ids": ["{ID}", "x"]}}"#),
            "task_ids[1]",
        ),
        (
            "/workers/heartbeat",
            r#"{"worker_id": "nobody"}"#.to_owned(),
            404,
            "unknown_worker",
            None,
        ),
        (
            "/workers/heartbeat",
            format!(r#"{{"worker_id": "w", "task_ids": [{many}]}}"#),
            413,
            "too_large",
            Some("task_ids"),
        ),
        invalid("/tasks/next", "{}", "worker_id"),
        invalid("/tasks/next", r#"{"worker_id": "w", "limit": -1}"#, "limit"),
        invalid(
            "/tasks/next",
            r#"{"worker_id": "w", "limit": 1.5}"#,
            "limit",
        ),
        invalid(
            "/tasks/next",
            r#"{"worker_id": "w", "wait_seconds": -1}"#,
            "wait_seconds",
        ),
        invalid(
            "/tasks/next",
            r#"{"worker_id": "w", "wait_seconds": "5"}"#,
            "wait_seconds",
        ),
        invalid(
            "/tasks/next",
            r#"{"worker_id": "w", "request_id": ""}"#,
            "request_id",
        ),
        invalid(
            "/tasks/next",
            &format!(
                r#"{{"worker_id": "w", "request_id": "{}"}}"#,
                "x".repeat(65)
            ),
            "request_id",
        ),
        invalid(
            "/tasks/next",
            r#"{"worker_id": "w", "request_id": 7}"#,
            "request_id",
        ),
        invalid(
            "/workers/release",
            r#"{"worker_id": "w", "task_ids": "all"}"#,
            "task_ids",
        ),
        // Votes.
        invalid("/workers/submit", "{}", "worker_id"),
        invalid("/workers/submit", r#"{"worker_id": "alice"}"#, "task_id"),
        invalid(
            "/workers/submit",
            r#"{"worker_id": "alice", "task_id": "7", "label": "a", "confidence": 1}"#,
            "task_id",
        ),
        invalid("/workers/submit", &vote(r#""confidence": 1"#), "label"),
        invalid(
            "/workers/submit",
            &vote(r#""label": "", "confidence": 1"#),
            "label",
        ),
        invalid("/workers/submit", &huge_label, "label"),
        invalid("/workers/submit", &vote(r#""label": "a""#), "confidence"),
        invalid(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": 1.5"#),
            "confidence",
        ),
        invalid(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": -0.1"#),
            "confidence",
        ),
        invalid(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": null"#),
            "confidence",
        ),
        invalid(
            "/workers/submit",
            &vote(r#""label": "a", "confidence": "high""#),
            "confidence",
        ),
        invalid("/workers/submit", &scores(r#"{"a": 2}"#), "scores.a"),
        invalid("/workers/submit", &scores("[1]"), "scores"),
        (
            "/workers/submit",
            vote(r#""label": "a", "confidence": 1"#),
            404,
            "unknown_task",
            None,
        ),
    ]
}
