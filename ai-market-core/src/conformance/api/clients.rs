//! What a client asks for.

use std::time::Duration;

use super::Market;
use super::words::{answer, claim, enqueue, register, submit, task};
use crate::api::{ErrorCode, Heartbeat, TaskSpec};
use crate::conformance::harness::{at, number, params, tags, task_type, vote, worker};
use crate::coordinator::Limits;
use crate::id::{IdempotencyKey, Reference, TaskId};
use crate::store::{LeaderboardQuery, TaskQuery};
use crate::task::{TaskState, TaskStatus};
use crate::time::Timestamp;

const NOW: Duration = Duration::ZERO;

/// Whoever reads votes could copy them.
pub async fn votes_are_blind_while_a_task_is_open(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let id = task(market, "a", 2).await;
    answer(market, "alice", "positive").await;
    let details = market.task(id, NOW).await.unwrap();
    assert_eq!(
        (details.task.submission_count, details.submissions.len()),
        (1, 0)
    );
    answer(market, "bob", "positive").await;
    assert_eq!(market.task(id, NOW).await.unwrap().submissions.len(), 2);
}

/// Asking again is safe; asking another thing under the same key is refused.
pub async fn an_idempotency_key_names_one_task(market: &dyn Market) {
    let key = IdempotencyKey::new("order 7").unwrap();
    let spec = |text| TaskSpec::new(text).with_idempotency_key(key.clone());
    let id = enqueue(market, spec("a")).await.unwrap();
    assert_eq!(enqueue(market, spec("a")).await.unwrap(), id);
    for other in [spec("b"), spec("a").with_params(params("{}"))] {
        let error = enqueue(market, other).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::IdempotencyConflict);
        assert_eq!(error.field(), Some("idempotency_key"));
    }
    assert_eq!(market.stats().await.unwrap().tasks_total(), 1);
}

/// In order; one bad task does not fail the others.
pub async fn a_batch_of_tasks_has_a_result_each(market: &dyn Market) {
    let texts = ["a", "", "c"];
    let results = market.enqueue(texts.map(TaskSpec::new).to_vec()).await;
    assert_eq!(results.len(), 3);
    assert_eq!(results[1].as_ref().unwrap_err().code(), ErrorCode::Invalid);
    for i in [0, 2] {
        let id = *results[i].as_ref().unwrap();
        assert_eq!(&*market.task(id, NOW).await.unwrap().task.text, texts[i]);
    }
    assert!(market.enqueue(Vec::new()).await.is_empty());
}

/// Everything that can be asked for.
pub async fn what_a_client_asked_for_comes_back(market: &dyn Market) {
    let far = Timestamp::from_micros(4_000_000_000_000_000);
    let spec = TaskSpec::new("\u{1F600} \"quoted\"\nline")
        .with_task_type(task_type("ner"))
        .with_required_submissions(number(2))
        .with_max_submissions(number(7))
        .with_max_attempts(number(9))
        .with_priority(-4)
        .with_deadline(far)
        .with_params(params(
            r#"{"z": 18446744073709551615, "a": [0.1, {"b": null}]}"#,
        ))
        .with_reference(Reference::new(" row 7, \"é\" ").unwrap())
        .with_tags(tags(["b", "a"]));
    let id = enqueue(market, spec.clone()).await.unwrap();
    let task = market.task(id, NOW).await.unwrap().task;
    let page = market.tasks(TaskQuery::new(9)).await.unwrap();
    assert_eq!(page.tasks, std::slice::from_ref(&task));
    assert_eq!((task.text, task.task_type), (spec.text, spec.task_type));
    assert_eq!(
        (task.params, task.reference, task.tags),
        (spec.params, spec.reference, spec.tags)
    );
    assert_eq!(
        (task.required_submissions, task.wanted, task.max_submissions),
        (2, 2, 7)
    );
    assert_eq!((task.max_attempts, task.attempts), (9, 0));
    assert_eq!((task.priority, task.deadline), (-4, Some(far)));
    assert_eq!(
        (task.state, task.submission_count, task.lease_count),
        (TaskState::Open, 0, 0)
    );
    let plain = enqueue(market, TaskSpec::new("b")).await.unwrap();
    let task = market.task(plain, NOW).await.unwrap().task;
    assert_eq!(
        (
            task.required_submissions,
            task.max_submissions,
            task.max_attempts
        ),
        (3, 3, 5)
    );
    assert_eq!((task.params, task.reference), (None, None));
    assert!(task.tags.is_empty());
}

/// Oldest first, without gap or overlap.
pub async fn tasks_are_paged(market: &dyn Market) {
    register(market, &["alice"]).await;
    let specs = (0..7).map(|i| TaskSpec::new(format!("t{i}")).with_required_submissions(number(1)));
    for result in market.enqueue(specs.collect()).await {
        result.unwrap();
    }
    let mut texts = Vec::new();
    let mut query = TaskQuery::new(3);
    loop {
        let page = market.tasks(query).await.unwrap();
        let tasks = page.tasks.iter();
        texts.extend(tasks.map(|task| (task.id, task.text.to_string())));
        match page.tasks.last() {
            Some(last) if page.more => query = TaskQuery::new(3).after(last.id),
            _ => break,
        }
    }
    assert!(texts.is_sorted_by_key(|(id, _)| *id));
    let newest = market
        .tasks(TaskQuery::new(3).newest_first())
        .await
        .unwrap();
    let last = newest.tasks.last().map(|task| task.id).unwrap();
    let older = TaskQuery::new(9).newest_first().after(last);
    let older = market.tasks(older).await.unwrap();
    assert!(newest.more && !older.more);
    let from_the_end = newest.tasks.iter().chain(&older.tasks).map(|task| task.id);
    assert!(from_the_end.rev().eq(texts.iter().map(|(id, _)| *id)));
    let mut names: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
    names.sort();
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4", "t5", "t6"]);
    let (id, _) = answer(market, "alice", "positive").await;
    let finalized = TaskQuery::new(9).with_status(TaskStatus::Finalized);
    let page = market.tasks(finalized).await.unwrap();
    assert_eq!(page.tasks, [market.task(id, NOW).await.unwrap().task]);
    assert!(!page.more);
}

/// However many tasks fit by their number.
pub async fn a_page_of_large_tasks_is_cut_short(market: &dyn Market) {
    let limits = Limits::default();
    let text = "x".repeat(limits.max_text_bytes);
    let full = limits.max_page_bytes / text.len();
    let specs = (0..=full).map(|_| TaskSpec::new(text.as_str()));
    for result in market.enqueue(specs.collect()).await {
        result.unwrap();
    }
    let page = market.tasks(TaskQuery::new(1_000)).await.unwrap();
    assert_eq!((page.tasks.len(), page.more), (full, true));
    let rest = TaskQuery::new(1_000).after(page.tasks[full - 1].id);
    let rest = market.tasks(rest).await.unwrap();
    assert_eq!((rest.tasks.len(), rest.more), (1, false));
}

/// Most points first, then by name.
pub async fn the_leaderboard_is_paged(market: &dyn Market) {
    register(market, &["carl", "bob", "alice"]).await;
    for name in ["carl", "bob", "alice", "bob"] {
        task(market, "a", 1).await;
        answer(market, name, "positive").await;
    }
    let mut names = Vec::new();
    let mut query = LeaderboardQuery::new(1);
    while let Some(standing) = market.leaderboard(query).await.unwrap().pop() {
        names.push(format!(
            "{} {} {}",
            standing.worker, standing.points, standing.submissions
        ));
        query = LeaderboardQuery::new(1).after(standing.points, standing.worker);
    }
    assert_eq!(names, ["bob 2 2", "alice 1 1", "carl 1 1"]);
}

/// Whoever waits for it learns that it is closed, and repeating it is safe.
pub async fn a_cancelled_task_is_shown_as_such(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    let reason = Some("no longer needed".to_owned());
    let cancelled = market.cancel(id, reason.clone()).await.unwrap();
    let TaskState::Cancelled { reason: why, .. } = &cancelled.task.state else {
        panic!("it is {:?}", cancelled.task.state);
    };
    assert_eq!(Some(why), reason.as_ref());
    assert_eq!(market.cancel(id, None).await.unwrap(), cancelled);
    assert_eq!(market.task(id, NOW).await.unwrap(), cancelled);
    let heartbeat = Heartbeat::new(worker("alice")).with_tasks(vec![id]);
    assert_eq!(market.heartbeat(heartbeat).await.unwrap().gone, [id]);
    let late = submit(market, vote(id, "alice", "positive", 0.9)).await;
    assert_eq!(late.unwrap_err().code(), ErrorCode::Closed);
    let cancelled = TaskQuery::new(9).with_status(TaskStatus::Cancelled);
    assert_eq!(market.tasks(cancelled).await.unwrap().tasks.len(), 1);
    assert_eq!(
        market
            .stats()
            .await
            .unwrap()
            .tasks_in(TaskStatus::Cancelled),
        1
    );
}

/// What was decided stays.
pub async fn a_decided_task_is_not_cancelled(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 1).await;
    answer(market, "alice", "positive").await;
    let refused = market.cancel(id, None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
    let unknown = market
        .cancel(TaskId::generate(Timestamp::from_micros(9)), None)
        .await;
    assert_eq!(unknown.unwrap_err().code(), ErrorCode::UnknownTask);
}

/// Every task, vote and worker is counted.
pub async fn stats_add_up(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    for _ in 0..3 {
        task(market, "a", 1).await;
    }
    answer(market, "alice", "positive").await;
    claim(market, "bob", 1).await;
    let stats = market.stats().await.unwrap();
    assert_eq!(
        TaskStatus::ALL.map(|status| stats.tasks_in(status)),
        [1, 1, 1, 0, 0]
    );
    assert_eq!(
        (stats.submissions, stats.workers, stats.workers_stale),
        (1, 2, 0)
    );
    assert_eq!(stats.tasks_short_of_workers, 0);
}

/// There is nothing to show.
pub async fn an_unknown_task_is_refused(market: &dyn Market) {
    let error = market.task(TaskId::generate(at(0)), NOW).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownTask);
}
