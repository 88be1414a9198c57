//! Tasks that are cancelled.

use serde_json::json;

use crate::{claim, create, open};

#[tokio::test]
async fn a_task_is_cancelled() {
    let market = open().await;
    let id = create(&market, json!({"text": "t"})).await;
    claim(&market, "alice").await;
    let path = format!("/tasks/{id}/cancel");
    let cancelled = market.post(&path, json!({"reason": "a typo"})).await.ok();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["failure_reason"], "a typo");
    assert_eq!(
        (&cancelled["leases"], &cancelled["lease_count"]),
        (&json!([]), &json!(0))
    );
    assert_eq!(market.post(&path, json!({})).await.ok(), cancelled);
    assert_eq!(market.get(&format!("/tasks/{id}")).await.ok(), cancelled);
    let listed = market.get("/tasks?status=cancelled").await.ok();
    assert_eq!(listed[0]["id"], cancelled["id"]);
    let beat = json!({"worker_id": "alice", "task_ids": [id]});
    let beat = market.post("/workers/heartbeat", beat).await.ok();
    assert_eq!(beat["gone"], json!([id]));

    let decided = create(&market, json!({"text": "t", "required_submissions": 1})).await;
    claim(&market, "alice").await;
    let vote = json!({"worker_id": "alice", "task_id": decided, "label": "x", "confidence": 1});
    market.post("/workers/submit", vote).await.ok();
    let refused = market
        .post(&format!("/tasks/{decided}/cancel"), json!({}))
        .await;
    refused.is_error(409, "closed", None);
    for unknown in ["01890a5d-ac96-774b-bcce-b302099a8057", "no-id"] {
        let refused = market
            .post(&format!("/tasks/{unknown}/cancel"), json!({}))
            .await;
        refused.is_error(404, "unknown_task", None);
    }
}
