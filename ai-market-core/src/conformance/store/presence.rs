//! Rule 6 for workers that give no sign of life.

use std::time::Duration;

use crate::conformance::desk::{Desk, LEASE, at, worker};
use crate::store::{LeaseScope, Presence, Reap, Reaped, Release, Renew, StatsQuery, TaskStore};
use crate::task::TaskStatus;

/// After how long a worker is gone in the cases.
const GONE: Duration = Duration::from_secs(45);

impl Desk<'_> {
    async fn beat(&self, name: &str, seconds: i64) {
        let renew = Renew::new(worker(name), LeaseScope::Named(vec![]), LEASE, at(seconds));
        self.store.renew(renew).await.unwrap();
    }

    async fn reap_gone(&self, seconds: i64) -> Reaped {
        let reap = Reap::new(at(seconds), 100, Duration::MAX).with_gone_after(GONE);
        self.store.reap(reap, &self.policies).await.unwrap()
    }

    async fn presence(&self, name: &str, stale_before: i64) -> Presence {
        let known = self.store.worker(worker(name)).await.unwrap();
        known.expect("it registered").presence(at(stale_before))
    }
}

/// Its tasks go to others before its leases run out.
pub async fn rule_6_the_leases_of_a_worker_that_is_gone_are_lost(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.reap_gone(-100).await;
    desk.register(&["alice", "bob"], 0).await;
    let id = desk.task(1, 0).await;
    desk.claim("alice", 1, 1).await;
    desk.beat("alice", 2).await;
    assert_eq!(desk.presence("alice", 2).await, Presence::Active);
    assert_eq!(desk.presence("alice", 3).await, Presence::Stale);
    desk.beat("bob", 40).await;
    assert!(
        desk.reap_gone(47).await.gone.is_empty(),
        "45 seconds are not over"
    );
    let reaped = desk.reap_gone(48).await;
    assert_eq!((reaped.gone, reaped.lost), (vec![worker("alice")], 1));
    assert_eq!(reaped.effects.freed().count(), 1);
    assert_eq!(desk.presence("alice", 0).await, Presence::Gone);
    assert_eq!(desk.presence("bob", 0).await, Presence::Active);
    let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    let by_presence = Presence::ALL.map(|presence| stats.workers_in(presence));
    assert_eq!(by_presence, [1, 0, 1], "active, stale, gone");
    let task = desk.get(id).await;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 1));
    assert_eq!(desk.claim("bob", 1, 49).await, [id]);
    assert!(desk.reap_gone(50).await.gone.is_empty(), "it is gone once");
}

/// It is there again, as if it had never been away.
pub async fn a_worker_that_is_heard_of_again_is_back(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.reap_gone(-100).await;
    desk.register(&["alice"], 0).await;
    desk.beat("alice", 1).await;
    let gone = [worker("alice")];
    assert_eq!(desk.reap_gone(60).await.gone, gone);
    desk.beat("alice", 61).await;
    assert_eq!(desk.presence("alice", 0).await, Presence::Active);
    let known = store.worker(worker("alice")).await.unwrap().unwrap();
    assert_eq!(
        (known.last_seen, known.last_heartbeat),
        (at(61), Some(at(61)))
    );
    assert!(desk.reap_gone(100).await.gone.is_empty());
    assert_eq!(desk.reap_gone(107).await.gone, gone);
}

/// Workers of the original system may never send one; their leases run out in their time.
pub async fn a_worker_without_heartbeats_keeps_its_leases(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.reap_gone(-100).await;
    desk.register(&["alice"], 0).await;
    let id = desk.task(1, 0).await;
    desk.claim("alice", 1, 10).await;
    let reaped = desk.reap_gone(60).await;
    assert_eq!((reaped.gone.len(), reaped.lost), (1, 0));
    assert_eq!(desk.get(id).await.status(), TaskStatus::Assigned);
    assert_eq!(desk.reap_gone(71).await.lost, 1);
}

/// Whoever could not be heard of is not gone.
pub async fn rule_6_time_in_which_nobody_served_makes_nobody_gone(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let reap = |seconds| {
        let silence = Duration::from_secs(5);
        let reap = Reap::new(at(seconds), 100, silence).with_gone_after(GONE);
        store.reap(reap, &desk.policies)
    };
    reap(0).await.unwrap();
    desk.register(&["alice"], 0).await;
    desk.beat("alice", 1).await;
    for seconds in (1_000..=1_045).step_by(5) {
        let reaped = reap(seconds).await.unwrap();
        assert!(reaped.gone.is_empty(), "served again for {seconds} - 1000");
    }
    assert_eq!(reap(1_050).await.unwrap().gone, [worker("alice")]);
}

/// A round declares no more workers gone than it was asked to, and says that there are more.
pub async fn a_round_declares_no_more_workers_gone_than_its_limit(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.reap_gone(-100).await;
    desk.register(&["bob"], 1).await;
    desk.register(&["alice"], 3).await;
    desk.register(&["carole"], 5).await;
    let reap = |seconds| {
        let reap = Reap::new(at(seconds), 2, Duration::MAX).with_gone_after(GONE);
        store.reap(reap, &desk.policies)
    };
    let first = reap(60).await.unwrap();
    assert_eq!(
        first.gone,
        [worker("bob"), worker("alice")],
        "longest silent first"
    );
    assert!(first.more);
    let second = reap(60).await.unwrap();
    assert_eq!((second.gone, second.more), (vec![worker("carole")], false));
}

/// A step of an unknown worker, or one within a second, says nothing new.
pub async fn signs_of_life_within_a_second_are_one(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let half = at(0).plus(Duration::from_millis(500));
    let release = |now| Release::new(worker("alice"), LeaseScope::AllOf, now);
    store.release(release(half)).await.unwrap();
    let seen = || async {
        store
            .worker(worker("alice"))
            .await
            .unwrap()
            .unwrap()
            .last_seen
    };
    assert_eq!(seen().await, at(0));
    store.release(release(at(1))).await.unwrap();
    assert_eq!(seen().await, at(1));
}
