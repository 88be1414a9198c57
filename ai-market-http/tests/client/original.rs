//! The client against the original system, whose answers are narrower.

use std::time::Duration;

use ai_market_core::api::{
    ClaimRequest, ClientApi, ErrorCode, Heartbeat, Receipt, ReleaseRequest, WorkerApi,
};
use ai_market_core::id::TaskType;
use ai_market_core::store::{LeaderboardQuery, TaskPage, TaskQuery, WorkerProfile};
use ai_market_core::task::TaskStatus;

use crate::{answer, id, json, somebody, vote, worker};

#[tokio::test]
async fn the_narrower_answers_of_the_original_are_understood() {
    let client = somebody(json(r#"{"ok": true}"#)).await;
    let profile = WorkerProfile::new(worker("alice"), [TaskType::sentiment()]);
    let terms = client.register(profile).await.unwrap();
    assert!(!terms.heartbeat.is_zero() && terms.heartbeat <= terms.lease / 2);
    let receipts = client.submit(vec![vote()]).await;
    assert!(matches!(
        receipts[..],
        [Ok(Receipt::Accepted { finalized: false })]
    ));

    let client = somebody(json(&format!(r#"{{"task_id": "{}", "text": "t"}}"#, id()))).await;
    let claimed = client
        .claim(ClaimRequest::new(worker("alice")))
        .await
        .unwrap();
    assert_eq!((claimed[0].task, &*claimed[0].text), (id(), "t"));
    assert_eq!(claimed[0].task_type, TaskType::sentiment());

    let client = somebody(json(r#"{"task_id": null, "text": null}"#)).await;
    let claimed = client
        .claim(ClaimRequest::new(worker("alice")))
        .await
        .unwrap();
    assert!(claimed.is_empty());

    let client = somebody(json(r#"{"ok": true, "ts": "2026-01-31T12:00:00Z"}"#)).await;
    let reply = client
        .heartbeat(Heartbeat::new(worker("alice")))
        .await
        .unwrap();
    assert!(reply.gone.is_empty());

    let task = format!(
        r#"{{"id": "{}", "text": "t", "status": "finalized", "final_label": "positive",
             "required_submissions": 3, "submissions": [
               {{"worker_id": "alice", "label": "positive", "confidence": 0.5}}]}}"#,
        id()
    );
    let details = somebody(json(&task))
        .await
        .task(id(), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(details.task.final_label().unwrap().as_str(), "positive");
    assert_eq!(details.submissions[0].confidence.get(), 0.5);
    let tasks = somebody(json(&format!("[{task}]"))).await;
    let all = tasks.tasks(TaskQuery::new(1)).await.unwrap();
    assert!(!all.more);
    let all = all.tasks;
    assert_eq!(all[0].status(), TaskStatus::Finalized);
    // It knows no pages; whoever asks for the next one comes to an end all the same.
    let next = TaskQuery::new(1).after(all[0].id);
    assert_eq!(tasks.tasks(next).await.unwrap(), TaskPage::default());
    let board = somebody(json(r#"[{"worker_id": "alice", "points": 2}]"#)).await;
    let all = board.leaderboard(LeaderboardQuery::new(1)).await.unwrap();
    let next = LeaderboardQuery::new(1).after(all[0].points, all[0].worker.clone());
    assert!(board.leaderboard(next).await.unwrap().is_empty());

    let missing = answer(
        "404 Not Found",
        "application/json",
        r#"{"detail": "Task not found"}"#,
    );
    let client = somebody(missing).await;
    let error = client.task(id(), Duration::ZERO).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (ErrorCode::UnknownTask, "Task not found")
    );
    let errors = client.submit(vec![vote()]).await;
    assert_eq!(
        errors[0].as_ref().unwrap_err().code(),
        ErrorCode::UnknownTask
    );

    // It has no such route at all.
    let missing = answer(
        "404 Not Found",
        "application/json",
        r#"{"detail": "Not Found"}"#,
    );
    let release = ReleaseRequest::all(worker("alice"));
    let error = somebody(missing).await.release(release).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}
