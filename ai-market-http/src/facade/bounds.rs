use ai_market_core::api::ErrorCode;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::id::Label;
use ai_market_core::task::Params;
use serde_json::{Value, json};

/// The OpenAPI document with what types cannot tell: this coordinator's limits, the codes of
/// errors, and examples.
pub(super) fn complete(described: &str, limits: &Limits) -> String {
    // poem-openapi writes JSON; anything else would be served as it is.
    let Ok(mut document) = serde_json::from_str::<Value>(described) else {
        return described.to_owned();
    };
    for (place, key, value) in additions(limits) {
        if let Some(Value::Object(found)) = document.pointer_mut(&place) {
            found.insert(key.to_owned(), value);
        }
    }
    format!("{document:#}")
}

/// What is added: where, under which key, and what.
fn additions(limits: &Limits) -> Vec<(String, &'static str, Value)> {
    let property =
        |schema: &str, name: &str| format!("/components/schemas/{schema}/properties/{name}");
    let label = limits.max_label_bytes.min(Label::MAX_BYTES);
    let codes = ErrorCode::ALL.iter();
    let codes = codes.filter(|code| **code != ErrorCode::Unreachable);
    let codes = codes.map(|code| code.as_str()).collect::<Vec<_>>();
    let mut additions = vec![
        (
            property("NewTask", "text"),
            "maxLength",
            json!(limits.max_text_bytes),
        ),
        (
            property("NewTask", "params"),
            "description",
            json!(format!(
                "Settings for whoever answers the task. They are kept and shown. At most {} bytes of \
                 JSON without white space, nested at most {} levels deep.",
                limits.max_params_bytes.min(Params::MAX_BYTES),
                Params::MAX_DEPTH
            )),
        ),
        (
            property("NewTask", "required_submissions"),
            "maximum",
            json!(limits.max_submissions),
        ),
        (
            property("NewTask", "max_submissions"),
            "maximum",
            json!(limits.max_submissions),
        ),
        (
            property("NewTask", "max_attempts"),
            "maximum",
            json!(limits.max_attempts),
        ),
        (
            property("Registration", "capabilities"),
            "minItems",
            json!(1),
        ),
        (
            property("Registration", "capabilities"),
            "maxItems",
            json!(limits.max_capabilities),
        ),
        (
            property("Heartbeat", "task_ids"),
            "maxItems",
            json!(limits.max_batch),
        ),
        (
            property("Release", "task_ids"),
            "maxItems",
            json!(limits.max_batch),
        ),
        (
            property("TaskBatch", "tasks"),
            "maxItems",
            json!(limits.max_batch),
        ),
        (
            property("VoteBatch", "submissions"),
            "maxItems",
            json!(limits.max_batch),
        ),
        (
            property("Registration", "models"),
            "maxProperties",
            json!(limits.max_capabilities),
        ),
        (
            property("Suspension", "reason"),
            "maxLength",
            json!(Coordinator::MAX_REASON_BYTES),
        ),
        (property("Vote", "label"), "maxLength", json!(label)),
        (property("BatchedVote", "label"), "maxLength", json!(label)),
        (property("Fault", "code"), "enum", json!(codes)),
        // Other texts are answered with 404, as ids are for which there is no task.
        (
            "/paths/~1tasks~1{id}/get/parameters/0/schema".to_owned(),
            "format",
            json!("uuid"),
        ),
    ];
    for model in ["model", "models/additionalProperties"] {
        let labels = property("Registration", model) + "/anyOf/0/properties/labels";
        additions.push((format!("{labels}/items"), "maxLength", json!(label)));
        additions.push((labels, "maxItems", json!(limits.max_labels)));
    }
    // Here, since poem-openapi would round it.
    let largest = || json!(u64::MAX);
    additions.push((property("Claim", "limit"), "maximum", largest()));
    for parameter in [
        "~1tasks/get/parameters/2",
        "~1leaderboard/get/parameters/0",
        "~1task-types/get/parameters/0",
        "~1models/get/parameters/0",
        "~1workers/get/parameters/0",
        "~1keys/get/parameters/0",
    ] {
        let place = format!("/paths/{parameter}/schema");
        additions.push((place, "maximum", largest()));
    }
    for (path, example) in examples() {
        let path = path.replace('/', "~1");
        let place = format!("/paths/{path}/post/requestBody/content/application~1json");
        additions.push((place, "example", example));
    }
    additions
}

/// A request for each route that takes a body.
fn examples() -> [(&'static str, Value); 10] {
    const ID: &str = "0199b1c6-7d1e-7c3a-9d53-0f3d3f0f6c55";
    const OTHER_ID: &str = "0199b1c6-7d1f-7b02-8a41-5c9de3f7a210";
    let model = json!({"id": "distilbert-sentiment", "revision": "3f2a9c", "precision": "int8"});
    [
        (
            "/tasks",
            json!({
                "text": "What a day!", "required_submissions": 3, "idempotency_key": "day-1",
                "reference": "row 7 of reviews.csv", "tags": ["reviews"],
            }),
        ),
        (
            "/tasks/batch",
            json!({
                "tasks": [
                    {"text": "What a day!", "idempotency_key": "day-1"},
                    {"text": "Never again.", "required_submissions": 5},
                ],
            }),
        ),
        (
            "/workers/register",
            json!({
                "worker_id": "alice", "instance": "5e0c1d", "capabilities": ["sentiment", "ner"],
                "model": model, "models": {"ner": {"id": "bert-ner", "labels": ["PER", "LOC"]}},
            }),
        ),
        (
            "/workers/{id}/suspend",
            json!({"reason": "answers at random", "task_type": "sentiment"}),
        ),
        ("/workers/{id}/reinstate", json!({"task_type": "sentiment"})),
        (
            "/workers/heartbeat",
            json!({"worker_id": "alice", "instance": "5e0c1d", "task_ids": [ID]}),
        ),
        (
            "/tasks/next",
            json!({"worker_id": "alice", "instance": "5e0c1d", "limit": 4, "wait_seconds": 20}),
        ),
        (
            "/workers/submit",
            json!({
                "worker_id": "alice", "task_id": ID, "label": "positive", "confidence": 0.98,
                "scores": {"positive": 0.98, "negative": 0.02}, "model": model,
            }),
        ),
        (
            "/workers/submit/batch",
            json!({
                "worker_id": "alice",
                "submissions": [
                    {"task_id": ID, "label": "positive", "confidence": 0.98, "model": model},
                    {"task_id": OTHER_ID, "label": "negative", "confidence": 0.71, "model": model},
                ],
            }),
        ),
        (
            "/workers/release",
            json!({"worker_id": "alice", "task_ids": [ID], "failed": "out of memory"}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use ai_market_core::store::MemoryStore;
    use poem::{Endpoint, Request};

    use super::*;
    use crate::{RouteOptions, routes};

    #[tokio::test]
    async fn every_addition_finds_its_place() {
        let mut limits = Limits::default();
        limits.max_text_bytes = 7;
        let coordinator = Coordinator::builder(MemoryStore::new()).limits(limits.clone());
        let app = routes(coordinator.build().unwrap(), RouteOptions::new());
        let request = || Request::builder();
        let document = app.call(request().uri_str("/openapi.json").finish()).await;
        let document = document.unwrap().take_body().into_string().await.unwrap();
        let parsed: Value = serde_json::from_str(&document).unwrap();
        for (place, key, value) in additions(&limits) {
            let found = parsed.pointer(&place).and_then(|at| at.get(key));
            assert_eq!(found, Some(&value), "{place}");
        }
        let page = app.call(request().uri_str("/docs").finish()).await.unwrap();
        let page = page.into_body().into_string().await.unwrap();
        assert!(page.contains(&document), "the page shows another document");
    }
}
