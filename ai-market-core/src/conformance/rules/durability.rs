//! Rules 8 and 9 for stores that outlive their process.
//!
//! A case closes a store and opens it again. That a killed process loses nothing is for the tests
//! of the store itself to show, with a real process.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::conformance::harness::{
    Harness, LEASE, at, described_task, new_task, number, profile, vote, worker,
};
use crate::consensus::TrackRecord;
use crate::id::{IdempotencyKey, TaskType};
use crate::market::{
    Claim, Claimed, Insert, InsertOutcome, LeaseScope, Reap, Renewed, Ruling, StandingChange,
    SubmitOutcome,
};
use crate::store::{TallyBy, TallyQuery, TaskStore, Transaction};
use crate::submission::ModelIdentity;
use crate::task::TaskStatus;
use crate::time::ManualClock;

use super::repeating::{claim_again, claim_new};

/// Opens one place again and again.
#[async_trait]
pub trait Reopen: Debug + Send + Sync {
    /// Opens the store, which is closed at the time: all earlier handles were dropped.
    async fn open(&self) -> Arc<dyn TaskStore>;
}

/// A place for a store, which a case opens several times.
#[derive(Debug)]
pub struct Restart {
    reopen: Box<dyn Reopen>,
    clock: ManualClock,
}

impl Restart {
    /// A place whose stores take their time from `clock`.
    #[must_use]
    pub fn new(reopen: impl Reopen + 'static, clock: ManualClock) -> Self {
        Self {
            reopen: Box::new(reopen),
            clock,
        }
    }

    /// Opens the store, and a market on it that remembers nothing.
    pub(super) async fn open(&self) -> Harness {
        Harness::new(self.reopen.open().await, self.clock.clone())
    }
}

/// Tasks, workers, votes, points, keys and counts.
pub async fn rule_8_what_was_acknowledged_is_there_again(restart: &Restart) {
    let h = restart.open().await;
    h.register(&["alice", "bob"], 0).await;
    h.register_instance("carole", "one", 0).await;
    let key = IdempotencyKey::new("k").unwrap();
    let keyed = new_task("keyed", 1, 0).with_idempotency_key(key.clone());
    let first = h.put(keyed, 0).await;
    let full = described_task("full", 3, 1)
        .with_priority(-7)
        .with_deadline(at(9_000));
    let second = h.put(full.with_max_submissions(number(9)), 1).await;
    h.answer("alice", "positive", 2).await;
    h.answer("bob", "negative", 2).await;
    let workers = [worker("alice"), worker("bob"), worker("carole")];
    let mut before = Vec::new();
    for id in &workers {
        before.push(h.store.worker(id.clone()).await.unwrap());
    }
    let state = (h.details(first).await, h.details(second).await);
    assert!(state.1.task.params.is_some() && state.1.task.salt.is_some());
    let (stats, points) = (h.stats().await, h.points().await);
    drop(h);

    let h = restart.open().await;
    assert_eq!((h.details(first).await, h.details(second).await), state);
    assert_eq!((h.stats().await, h.points().await), (stats, points));
    for (id, before) in workers.into_iter().zip(before) {
        assert_eq!(h.store.worker(id).await.unwrap(), before);
    }
    let again = new_task("keyed", 1, 3).with_idempotency_key(key);
    let outcome = h.at(3).insert(Insert::new(vec![again])).await.unwrap();
    assert_eq!(outcome, [InsertOutcome::Existing(first)]);
}

/// Work goes on where it was.
pub async fn rule_8_leases_votes_and_losses_are_there_again(restart: &Restart) {
    let h = restart.open().await;
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    for seconds in [0, 100] {
        h.claim("carole", 1, seconds).await;
        h.reap(seconds + 61).await;
    }
    h.answer("alice", "positive", 200).await;
    h.claim("bob", 1, 200).await;
    drop(h);

    let h = restart.open().await;
    assert_eq!(h.get(id).await.attempts, 2);
    let gone = Renewed::Renewed { gone: Vec::new() };
    assert_eq!(h.renew("bob", LeaseScope::Named(vec![id]), 210).await, gone);
    for name in ["alice", "bob", "carole"] {
        assert!(h.claim(name, 1, 210).await.is_empty(), "{name}");
    }
    let again = h.submit(vote(id, "alice", "negative", 0.9), 211).await;
    assert_eq!(again, SubmitOutcome::Duplicate { finalized: false });
    h.submit(vote(id, "bob", "positive", 0.9), 211).await;
    h.register(&["dave"], 212).await;
    h.answer("dave", "negative", 212).await;
    assert_eq!(h.get(id).await.status(), TaskStatus::Finalized);
}

/// The coordinator may have gone away before its answer was out.
pub async fn rule_8_a_claim_is_repeated_after_a_restart(restart: &Restart) {
    let h = restart.open().await;
    h.register_instance("alice", "one", 0).await;
    for i in 0..4 {
        h.task(1, i).await;
    }
    let claimed = claim_new(&h, "alice", "a", 2, 5).await;
    drop(h);

    let h = restart.open().await;
    assert_eq!(claim_again(&h, "alice", "a", 2, 6).await, claimed);
    assert_eq!(claim_new(&h, "alice", "b", 4, 6).await.len(), 2);
}

/// A worker that went on working while the coordinator was away keeps its lease.
pub async fn rule_8_time_between_two_processes_costs_no_lease(restart: &Restart) {
    let silence = Duration::from_secs(5);
    let h = restart.open().await;
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    h.at(1).reap(Reap::new(100, silence)).await.unwrap();
    drop(h);

    let h = restart.open().await;
    let reaped = h.at(10_001).reap(Reap::new(100, silence)).await.unwrap();
    assert_eq!(reaped.lost, 0);
    assert_eq!(h.details(id).await.leases[0].until, at(10_000).plus(LEASE));
}

/// What a worker has passed is looked at again once, and nothing is handed out twice.
pub async fn rule_9_a_reopened_store_still_hands_out_what_is_left(restart: &Restart) {
    let h = restart.open().await;
    h.register(&["alice"], 0).await;
    for i in 0..30 {
        h.task(2, i).await;
    }
    for id in h.claim("alice", 20, 30).await {
        h.submit(vote(id, "alice", "positive", 0.9), 31).await;
    }
    drop(h);

    let h = restart.open().await;
    assert_eq!(h.claim("alice", 64, 32).await.len(), 10);
    assert!(h.claim("alice", 64, 32).await.is_empty());
    let new = h.put(new_task("a", 2, 33).with_priority(1), 33).await;
    assert_eq!(h.claim("alice", 64, 33).await, [new]);
}

/// What was learned of workers and of the task type is counted on.
pub async fn rule_8_track_records_are_there_again(restart: &Restart) {
    let decide = async |h: &Harness, seconds| {
        let id = h.task(2, seconds).await;
        for (name, label) in [("alice", "x"), ("bob", "y")] {
            assert_eq!(h.claim(name, 1, seconds).await, [id]);
            h.submit(vote(id, name, label, 0.9), seconds).await;
        }
    };
    let h = restart.open().await;
    h.register(&["alice", "bob"], 0).await;
    decide(&h, 1).await;
    let before = records(&h).await;
    assert_eq!(before.prior.total().to_string(), "2");
    assert_eq!(before.workers[1].judged().1.to_string(), "1");
    drop(h);

    let h = restart.open().await;
    assert_eq!(records(&h).await, before);
    decide(&h, 2).await;
    let after = records(&h).await;
    assert_eq!(after.prior.total().to_string(), "4");
    assert_eq!(after.workers[1].judged().1.to_string(), "2");
}

#[derive(Debug, PartialEq)]
struct Records {
    workers: [TrackRecord; 2],
    prior: TrackRecord,
}

async fn records(h: &Harness) -> Records {
    let read = |tx: &mut dyn Transaction| {
        let of = TaskType::sentiment();
        Ok(Records {
            workers: [
                tx.record(&of, Some(&worker("alice")))?,
                tx.record(&of, Some(&worker("bob")))?,
            ],
            prior: tx.record(&of, None)?,
        })
    };
    h.run(read).await
}

/// A lease is not held for longer than it could be from now on, and nobody was last seen in the
/// future.
pub async fn rule_8_a_clock_put_back_between_two_processes_keeps_no_lease(restart: &Restart) {
    let reap = || Reap::new(100, Duration::from_secs(5)).with_longest_lease(LEASE);
    let h = restart.open().await;
    h.register(&["alice"], 10_000).await;
    let id = h.task(1, 10_000).await;
    h.claim("alice", 1, 10_000).await;
    h.at(10_000).reap(reap()).await.unwrap();
    drop(h);

    restart.clock.set(at(100));
    let h = restart.open().await;
    assert_eq!(h.market.reap(reap()).await.unwrap().lost, 0);
    assert_eq!(h.details(id).await.leases[0].until, at(100).plus(LEASE));
    assert_eq!(h.worker("alice").await.last_seen, at(100));
    for seconds in (101..=160).step_by(5) {
        assert_eq!(h.at(seconds).reap(reap()).await.unwrap().lost, 0);
    }
    assert_eq!(h.at(161).reap(reap()).await.unwrap().lost, 1);
}

/// Tallies, standings and their reasons, models, and who is gone.
pub async fn rule_8_tallies_and_standings_are_there_again(restart: &Restart) {
    let h = restart.open().await;
    let model = ModelIdentity::new("m").unwrap();
    h.at(0)
        .register(profile("alice").with_model(model))
        .await
        .unwrap();
    h.register(&["bob"], 0).await;
    let id = h.task(2, 0).await;
    for name in ["alice", "bob"] {
        h.claim(name, 1, 1).await;
    }
    for (name, label) in [("alice", "x"), ("bob", "y")] {
        h.submit(vote(id, name, label, 0.9), 3).await;
    }
    let change = StandingChange::new(worker("bob"), Ruling::Suspend("spam".to_owned()));
    h.at(4).set_standing(change).await.unwrap();
    let query = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, 99);
    let tallies = h.store.tallies(query.clone()).await.unwrap();
    assert_eq!(tallies.len(), 2);
    let workers = [worker("alice"), worker("bob")];
    let mut before = Vec::new();
    for id in &workers {
        before.push(h.store.worker(id.clone()).await.unwrap());
    }
    drop(h);

    let h = restart.open().await;
    assert_eq!(h.store.tallies(query).await.unwrap(), tallies);
    for (id, before) in workers.into_iter().zip(before) {
        assert_eq!(h.store.worker(id).await.unwrap(), before);
    }
    let claim = Claim::new(worker("bob"), LEASE);
    let claimed = h.at(5).claim(claim).await.unwrap();
    assert_eq!(claimed, Claimed::Suspended("spam".to_owned()));
}
