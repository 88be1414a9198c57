//! Rules 8 and 9 for stores that outlive their process.
//!
//! A case closes a store and opens it again. That a killed process loses nothing is for the tests
//! of the store itself to show, with a real process.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::conformance::desk::{Desk, LEASE, at, new_task, number, vote, worker};
use crate::id::IdempotencyKey;
use crate::store::{
    Insert, InsertOutcome, LeaseScope, MarketStore, Reap, Renewed, SubmitOutcome, TaskStore,
};
use crate::task::TaskStatus;

/// Opens one place again and again.
#[async_trait]
pub trait Reopen: Debug + Send + Sync {
    /// Opens the store, which is closed at the time: all earlier handles were dropped.
    async fn open(&self) -> Arc<dyn MarketStore>;
}

/// Tasks, workers, votes, points, keys and counts.
pub async fn rule_8_what_was_acknowledged_is_there_again(reopen: &dyn Reopen) {
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    desk.register(&["alice", "bob"], 0).await;
    desk.register_instance("carole", "one", 0).await;
    let key = IdempotencyKey::new("k").unwrap();
    let keyed = new_task("keyed", 1, 0).with_idempotency_key(key.clone());
    let first = desk.put(keyed, 0).await;
    let full = new_task("full", 3, 1)
        .with_priority(-7)
        .with_deadline(at(9_000));
    let second = desk.put(full.with_max_submissions(number(9)), 1).await;
    desk.answer("alice", "positive", 2).await;
    desk.answer("bob", "negative", 2).await;
    let workers = [worker("alice"), worker("bob"), worker("carole")];
    let mut before = Vec::new();
    for id in &workers {
        before.push(store.worker(id.clone()).await.unwrap());
    }
    let state = (desk.details(first).await, desk.details(second).await);
    let (stats, points) = (desk.stats().await, desk.points().await);
    drop(desk);
    drop(store);

    let store = reopen.open().await;
    let desk = Desk::new(&store);
    assert_eq!(
        (desk.details(first).await, desk.details(second).await),
        state
    );
    assert_eq!((desk.stats().await, desk.points().await), (stats, points));
    for (id, before) in workers.into_iter().zip(before) {
        assert_eq!(store.worker(id).await.unwrap(), before);
    }
    let again = new_task("keyed", 1, 3).with_idempotency_key(key);
    let outcome = store.insert(Insert::new(vec![again], at(3))).await.unwrap();
    assert_eq!(outcome, [InsertOutcome::Existing(first)]);
}

/// Work goes on where it was.
pub async fn rule_8_leases_votes_and_losses_are_there_again(reopen: &dyn Reopen) {
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    desk.register(&["alice", "bob", "carole"], 0).await;
    let id = desk.task(3, 0).await;
    for seconds in [0, 100] {
        desk.claim("carole", 1, seconds).await;
        desk.reap(seconds + 61).await;
    }
    desk.answer("alice", "positive", 200).await;
    desk.claim("bob", 1, 200).await;
    drop(desk);
    drop(store);

    let store = reopen.open().await;
    let desk = Desk::new(&store);
    assert_eq!(desk.get(id).await.attempts, 2);
    let gone = Renewed::Renewed { gone: Vec::new() };
    assert_eq!(
        desk.renew("bob", LeaseScope::Named(vec![id]), 210).await,
        gone
    );
    for name in ["alice", "bob", "carole"] {
        assert!(desk.claim(name, 1, 210).await.is_empty(), "{name}");
    }
    let again = desk.submit(vote(id, "alice", "negative", 0.9), 211).await;
    assert_eq!(again, SubmitOutcome::Duplicate { finalized: false });
    desk.submit(vote(id, "bob", "positive", 0.9), 211).await;
    desk.register(&["dave"], 212).await;
    desk.answer("dave", "negative", 212).await;
    assert_eq!(desk.get(id).await.status(), TaskStatus::Finalized);
}

/// A worker that went on working while the coordinator was away keeps its lease.
pub async fn rule_8_time_between_two_processes_costs_no_lease(reopen: &dyn Reopen) {
    let silence = Duration::from_secs(5);
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    desk.register(&["alice"], 0).await;
    let id = desk.task(1, 0).await;
    desk.claim("alice", 1, 0).await;
    store
        .reap(Reap::new(at(1), 100, silence), &desk.policies)
        .await
        .unwrap();
    drop(desk);
    drop(store);

    let store = reopen.open().await;
    let desk = Desk::new(&store);
    let reaped = store
        .reap(Reap::new(at(10_001), 100, silence), &desk.policies)
        .await
        .unwrap();
    assert_eq!(reaped.lost, 0);
    assert_eq!(
        desk.details(id).await.leases[0].until,
        at(10_000).plus(LEASE)
    );
}

/// What a worker has passed is looked at again once, and nothing is handed out twice.
pub async fn rule_9_a_reopened_store_still_hands_out_what_is_left(reopen: &dyn Reopen) {
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    desk.register(&["alice"], 0).await;
    for i in 0..30 {
        desk.task(2, i).await;
    }
    for id in desk.claim("alice", 20, 30).await {
        desk.submit(vote(id, "alice", "positive", 0.9), 31).await;
    }
    drop(desk);
    drop(store);

    let store = reopen.open().await;
    let desk = Desk::new(&store);
    assert_eq!(desk.claim("alice", 64, 32).await.len(), 10);
    assert!(desk.claim("alice", 64, 32).await.is_empty());
    let new = desk.put(new_task("a", 2, 33).with_priority(1), 33).await;
    assert_eq!(desk.claim("alice", 64, 33).await, [new]);
}
