//! Tasks that are given up on request.

use crate::conformance::harness::{Harness, at, new_task, number, task_type, vote};
use crate::event::{Event, EventId};
use crate::id::TaskId;
use crate::market::{
    Cancel, CancelOutcome, Insert, InsertOutcome, LeaseScope, Renewed, SubmitOutcome,
};
use crate::store::{EventQuery, TallyBy, TallyQuery, TaskQuery};
use crate::task::{TaskState, TaskStatus};

async fn cancel(h: &Harness, id: TaskId, why: &str, seconds: i64) -> CancelOutcome {
    h.at(seconds).cancel(Cancel::new(id, why)).await.unwrap()
}

/// Its leases end at no cost, its workers learn that it is gone, and their answers count nowhere.
pub async fn a_cancelled_task_is_closed_with_its_reason(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    h.answer("alice", "a", 1).await;
    assert_eq!(h.claim("bob", 1, 2).await, [id]);
    assert_eq!(
        cancel(h, id, "no longer needed", 3).await,
        CancelOutcome::Cancelled
    );
    let details = h.details(id).await;
    let TaskState::Cancelled { reason, at: when } = &details.task.state else {
        panic!("it is {:?}", details.task.state);
    };
    assert_eq!((reason.as_str(), *when), ("no longer needed", at(3)));
    assert_eq!((details.submissions.len(), details.leases.len()), (1, 0));
    let task = &details.task;
    assert_eq!(
        (task.attempts, task.lease_count, task.final_label()),
        (0, 0, None)
    );
    let gone = Renewed::Renewed { gone: vec![id] };
    assert_eq!(h.renew("bob", LeaseScope::Named(vec![id]), 4).await, gone);
    let outcome = h.submit(vote(id, "bob", "b", 0.9), 5).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: false });
    let outcome = h.submit(vote(id, "alice", "a", 0.9), 5).await;
    assert_eq!(outcome, SubmitOutcome::Duplicate { finalized: false });
    assert!(h.claim("carole", 9, 6).await.is_empty());
    assert_eq!(h.points().await, [("alice".to_owned(), 0)]);
    let tallies = h
        .store
        .tallies(TallyQuery::new(TallyBy::WORKER, 9))
        .await
        .unwrap();
    assert!(
        tallies
            .iter()
            .all(|row| row.tally.lost == 0 && row.tally.agreements == 0)
    );
    assert_eq!(h.reap(1_000).await.lost, 0);
}

/// Also when the answer to the first request was lost.
pub async fn cancelling_again_changes_nothing(h: &Harness) {
    let id = h.task(1, 0).await;
    assert_eq!(cancel(h, id, "first", 1).await, CancelOutcome::Cancelled);
    let before = h.details(id).await;
    assert_eq!(cancel(h, id, "second", 2).await, CancelOutcome::Cancelled);
    assert_eq!(h.details(id).await, before);
    let query = EventQuery::after(EventId::START, 99);
    let events = h.store.events(query).await.unwrap().events;
    let cancelled = events.iter().filter_map(|logged| match &logged.event {
        Event::TaskCancelled { task, reason, .. } => Some((*task, reason.as_str())),
        _ => None,
    });
    assert_eq!(cancelled.collect::<Vec<_>>(), [(id, "first")]);
}

/// What was decided stays.
pub async fn what_is_closed_or_unknown_is_not_cancelled(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let finalized = h.task(1, 0).await;
    h.answer("alice", "a", 1).await;
    let failing = new_task("a", 1, 2).with_max_attempts(number(2));
    let failed = h.put(failing, 2).await;
    for name in ["alice", "bob"] {
        h.claim(name, 1, 2).await;
        h.fail(name, failed, "no", 2).await;
    }
    for id in [finalized, failed] {
        let before = h.details(id).await;
        assert_eq!(cancel(h, id, "late", 3).await, CancelOutcome::Closed);
        assert_eq!(h.details(id).await, before);
    }
    let unknown = TaskId::generate(at(9));
    assert_eq!(cancel(h, unknown, "x", 3).await, CancelOutcome::UnknownTask);
}

/// It is counted, listed by its status, and leaves room for others.
pub async fn cancelled_tasks_are_counted_and_listed(h: &Harness) {
    h.register(&["alice"], 9).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let kind = task_type(if n % 2 == 0 { "a" } else { "b" });
        ids.push(h.put(new_task("x", 1, n).with_task_type(kind), 9).await);
    }
    for id in &ids[..3] {
        cancel(h, *id, "x", 9).await;
    }
    let stats = h.stats().await;
    assert_eq!(
        TaskStatus::ALL.map(|status| stats.tasks_in(status)),
        [1, 0, 0, 0, 3]
    );
    let list = async |query: TaskQuery| {
        let page = h.store.tasks(query).await.unwrap();
        page.tasks.iter().map(|task| task.id).collect::<Vec<_>>()
    };
    let cancelled = TaskQuery::new(9).with_status(TaskStatus::Cancelled);
    assert_eq!(list(cancelled.clone()).await, ids[..3]);
    assert_eq!(
        list(cancelled.with_task_type(task_type("b"))).await,
        ids[1..2]
    );
    assert_eq!(
        list(TaskQuery::new(9).with_task_type(task_type("a"))).await,
        [ids[0], ids[2]]
    );
    assert_eq!(list(TaskQuery::new(9)).await, ids);
    let insert = Insert::new(vec![new_task("x", 1, 9), new_task("x", 1, 8)]).with_max_open(2);
    let outcomes = h.at(9).insert(insert).await.unwrap();
    assert!(matches!(
        outcomes[..],
        [InsertOutcome::Created(_), InsertOutcome::Full]
    ));
}
