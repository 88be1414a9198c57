//! Closed tasks and unused workers that are no longer kept.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, at, new_task, profile, task_type, vote, worker};
use crate::id::{IdempotencyKey, TaskId};
use crate::market::{Cancel, Insert, InsertOutcome, Prune, Pruned, Reap, Reaped, SubmitOutcome};
use crate::store::TaskQuery;
use crate::task::TaskStatus;

async fn prune(h: &Harness, before: i64, after: Option<TaskId>, limit: usize) -> Pruned {
    let prune = Prune::new(at(before), limit).after(after);
    h.market.prune(prune).await.unwrap()
}

/// The ids of all tasks that are there.
async fn tasks(h: &Harness) -> Vec<TaskId> {
    let page = h.store.tasks(TaskQuery::new(999)).await.unwrap();
    page.tasks.into_iter().map(|task| task.id).collect()
}

/// However they were closed; younger ones and open ones stay, however old they are.
pub async fn closed_tasks_are_deleted_once_they_are_old(h: &Harness) {
    h.register(&["alice"], 0).await;
    let open = h.task(2, 1).await;
    let finalized = h.task(1, 2).await;
    let failed = h.put(new_task("a", 1, 3).with_deadline(at(5)), 3).await;
    let cancelled = h.task(1, 4).await;
    h.answer("alice", "x", 4).await;
    h.answer("alice", "x", 4).await;
    h.reap(5).await;
    h.market
        .cancel(Cancel::new(cancelled, "why"))
        .await
        .unwrap();
    let late = h.task(1, 6).await;
    h.at(9).cancel(Cancel::new(late, "why")).await.unwrap();
    assert_eq!(tasks(h).await, [open, finalized, failed, cancelled, late]);
    for (before, deleted) in [(4, 0), (5, 1), (6, 2), (9, 0), (10, 1), (99, 0)] {
        let pruned = prune(h, before, None, 99).await;
        assert_eq!((pruned.deleted, pruned.next), (deleted, None), "{before}");
    }
    assert_eq!(tasks(h).await, [open]);
    let stats = h.stats().await;
    assert_eq!((stats.tasks_total(), stats.submissions), (1, 1));
    for status in [
        TaskStatus::Finalized,
        TaskStatus::Failed,
        TaskStatus::Cancelled,
    ] {
        assert_eq!(stats.tasks_in(status), 0);
    }
}

/// Points, tallies and track records stay.
pub async fn what_was_earned_with_deleted_tasks_stays(h: &Harness) {
    h.register(&["alice", "bob", "carol"], 0).await;
    for n in 0..4 {
        h.task(3, n).await;
        h.answer("alice", "x", n).await;
        h.answer("bob", "x", n).await;
        h.answer("carol", "y", n).await;
    }
    let known = async || {
        let of = crate::id::TaskType::sentiment();
        let mut seen = vec![format!("{:?}", h.points().await)];
        for name in ["alice", "bob", "carol"] {
            let worker = worker(name);
            let of = of.clone();
            let record = h.run(move |tx| tx.record(&of, Some(&worker))).await;
            seen.push(format!("{record:?} {:?}", h.worker(name).await.standings));
        }
        let models = crate::store::ModelQuery::new(9);
        seen.push(format!("{:?}", h.store.models(models).await.unwrap()));
        seen
    };
    let before = known().await;
    h.at(50);
    assert_eq!(prune(h, 50, None, 99).await.deleted, 4);
    assert_eq!(known().await, before);
    assert_eq!(h.stats().await.submissions, 0);
}

/// The next step goes on where one ended, past tasks that are too young.
pub async fn pruning_goes_on_where_it_ended(h: &Harness) {
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(h.task(1, n).await);
    }
    for (n, id) in ids.iter().enumerate() {
        let seconds = if n % 4 == 3 { 100 } else { 20 };
        if seconds == 20 {
            h.at(20).cancel(Cancel::new(*id, "why")).await.unwrap();
        }
    }
    for n in [3, 7] {
        h.at(100).cancel(Cancel::new(ids[n], "why")).await.unwrap();
    }
    let first = prune(h, 50, None, 4).await;
    assert_eq!((first.deleted, first.next), (3, Some(ids[3])));
    let second = prune(h, 50, first.next, 4).await;
    assert_eq!((second.deleted, second.next), (3, Some(ids[7])));
    let third = prune(h, 50, second.next, 4).await;
    assert_eq!((third.deleted, third.next), (2, None));
    assert_eq!(tasks(h).await, [ids[3], ids[7]]);
    let anew = prune(h, 101, None, 2).await;
    assert_eq!((anew.deleted, anew.next), (2, Some(ids[7])));
    let none = prune(h, 101, anew.next, 2).await;
    assert_eq!((none.deleted, none.next), (0, None));
}

/// Whoever asks for a deleted task learns that there is none, and its name makes a new one.
pub async fn a_deleted_task_is_unknown(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let name = || IdempotencyKey::new("order 7").unwrap();
    let task = || new_task("a", 1, 1).with_idempotency_key(name());
    let id = h.put(task(), 1).await;
    h.claim("bob", 1, 1).await;
    h.at(1).cancel(Cancel::new(id, "why")).await.unwrap();
    let again = h.at(2).insert(Insert::new(vec![task()])).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    prune(h, 2, None, 9).await;
    let answer = h.submit(vote(id, "bob", "x", 0.9), 2).await;
    assert_eq!(answer, SubmitOutcome::UnknownTask);
    let other = new_task("a", 1, 3).with_idempotency_key(name());
    let expected = InsertOutcome::Created(other.id);
    let anew = h.at(3).insert(Insert::new(vec![other])).await.unwrap();
    assert_eq!(anew, [expected]);
}

/// A grace lease goes with its task, and the worker goes on.
pub async fn a_grace_lease_ends_with_its_deleted_task(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(2, 1).await;
    h.claim("alice", 1, 1).await;
    h.claim("bob", 1, 1).await;
    h.market.cancel(Cancel::new(id, "why")).await.unwrap();
    assert_eq!(prune(h, 2, None, 9).await.deleted, 1);
    h.reap(1 + 2 * LEASE.as_secs() as i64).await;
    let next = h.task(1, 200).await;
    assert_eq!(h.claim("bob", 9, 200).await, [next]);
}

const SECOND: Duration = Duration::from_secs(1);

/// A round that declares workers gone after 3 seconds, and deletes unused ones after 10.
async fn round(h: &Harness, seconds: i64, limit: usize) -> Reaped {
    let reap = Reap::new(limit, Duration::from_secs(3_600))
        .with_stale_after(2 * SECOND)
        .with_gone_after(3 * SECOND)
        .with_unused_after(10 * SECOND);
    h.at(seconds).reap(reap).await.unwrap()
}

/// With what counts it; one that did anything stays.
pub async fn a_worker_that_never_did_anything_is_deleted(h: &Harness) {
    round(h, 0, 99).await;
    h.register(&["alice", "bob", "carol"], 1).await;
    let ner = crate::store::WorkerProfile::new(worker("dora"), [task_type("ner")]);
    h.at(1).register(ner).await.unwrap();
    h.task(3, 1).await;
    h.answer("alice", "x", 1).await;
    h.claim("bob", 1, 1).await;
    assert_eq!(round(h, 8, 99).await.gone.len(), 4);
    assert_eq!(round(h, 10, 99).await.deleted, 0);
    assert_eq!(round(h, 12, 99).await.deleted, 2);
    assert_eq!(round(h, 13, 99).await.deleted, 0);
    for (name, there) in [
        ("alice", true),
        ("bob", true),
        ("carol", false),
        ("dora", false),
    ] {
        let found = h.store.worker(worker(name)).await.unwrap();
        assert_eq!(found.is_some(), there, "{name}");
    }
    let stats = h.stats().await;
    assert_eq!((stats.workers, stats.workers_gone), (2, 2));
    assert_eq!(
        stats.tasks_short_of_workers, 1,
        "two can do it, and it wants three"
    );
    // It is as good as new.
    assert!(matches!(
        h.at(14)
            .claim(crate::market::Claim::new(worker("carol"), LEASE))
            .await
            .unwrap(),
        crate::market::Claimed::UnknownWorker
    ));
    h.at(14).register(profile("carol")).await.unwrap();
    assert_eq!(h.claim("carol", 1, 15).await.len(), 1);
}

/// One that is here is not deleted, nor one that comes back; and a round deletes only so many.
pub async fn unused_workers_are_deleted_a_few_at_a_time(h: &Harness) {
    round(h, 0, 99).await;
    h.register(&["a", "b", "c", "d", "e"], 1).await;
    round(h, 8, 99).await;
    h.at(9).register(profile("b")).await.unwrap();
    let first = round(h, 12, 2).await;
    assert_eq!((first.deleted, first.more), (2, true));
    let second = round(h, 12, 2).await;
    assert_eq!((second.deleted, second.more), (2, false));
    let left = h
        .store
        .workers(crate::store::WorkerQuery::new(9))
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].profile.worker, worker("b"));
}
