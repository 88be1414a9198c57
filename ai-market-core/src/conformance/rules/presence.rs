//! Rule 6 for workers that give no sign of life.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, at, new_task, vote, worker};
use crate::id::InstanceId;
use crate::market::{LeaseScope, Reap, Reaped, Release, Renew};
use crate::store::{ModelQuery, Presence, StatsQuery, TaskTypeQuery};
use crate::task::TaskStatus;

/// After how long a worker is gone in the cases.
const GONE: Duration = Duration::from_secs(45);

impl Harness {
    async fn beat(&self, name: &str, seconds: i64) {
        let renew = Renew::new(worker(name), LeaseScope::Named(vec![]), LEASE);
        self.at(seconds).renew(renew).await.unwrap();
    }

    async fn reap_gone(&self, seconds: i64) -> Reaped {
        let reap = Reap::new(100, Duration::MAX).with_gone_after(GONE);
        self.at(seconds).reap(reap).await.unwrap()
    }

    async fn presence(&self, name: &str, stale_before: i64) -> Presence {
        self.worker(name).await.presence(at(stale_before))
    }
}

/// Its tasks go to others before its leases run out.
pub async fn rule_6_the_leases_of_a_worker_that_is_gone_are_lost(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 1).await;
    h.beat("alice", 2).await;
    assert_eq!(h.presence("alice", 2).await, Presence::Active);
    assert_eq!(h.presence("alice", 3).await, Presence::Stale);
    h.beat("bob", 40).await;
    assert!(
        h.reap_gone(47).await.gone.is_empty(),
        "45 seconds are not over"
    );
    let reaped = h.reap_gone(48).await;
    assert_eq!((reaped.gone, reaped.lost), (vec![worker("alice")], 1));
    assert_eq!(reaped.effects.freed().count(), 1);
    assert_eq!(h.presence("alice", 0).await, Presence::Gone);
    assert_eq!(h.presence("bob", 0).await, Presence::Active);
    let stats = h.store.stats(StatsQuery::new(at(0))).await.unwrap();
    let by_presence = Presence::ALL.map(|presence| stats.workers_in(presence));
    assert_eq!(by_presence, [1, 0, 1], "active, stale, gone");
    let task = h.get(id).await;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 1));
    assert_eq!(h.claim("bob", 1, 49).await, [id]);
    assert!(h.reap_gone(50).await.gone.is_empty(), "it is gone once");
}

/// However many workers are gone at once, nobody else waits for long: the others follow in later
/// rounds.
pub async fn the_leases_of_workers_that_are_gone_end_within_the_limit(h: &Harness) {
    h.reap_gone(-100).await;
    let names = ["alice", "bob", "carole"];
    h.register(&names, 1).await;
    for n in 0..9 {
        h.put(new_task("a", 1, n), 9).await;
    }
    for name in names {
        assert_eq!(h.claim(name, 3, 9).await.len(), 3);
        h.beat(name, 9).await;
    }
    let mut rounds = Vec::new();
    loop {
        let reap = Reap::new(4, Duration::MAX).with_gone_after(GONE);
        let reaped = h.at(60).reap(reap).await.unwrap();
        rounds.push((reaped.lost, reaped.gone.len()));
        assert_eq!(reaped.more, rounds.len() < 3);
        if !reaped.more {
            break;
        }
    }
    assert_eq!(rounds, [(4, 1), (4, 1), (1, 1)]);
    assert_eq!(h.stats().await.tasks_in(TaskStatus::Queued), 9);
}

/// It is there again, as if it had never been away.
pub async fn a_worker_that_is_heard_of_again_is_back(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["alice"], 0).await;
    h.beat("alice", 1).await;
    let gone = [worker("alice")];
    assert_eq!(h.reap_gone(60).await.gone, gone);
    h.beat("alice", 61).await;
    assert_eq!(h.presence("alice", 0).await, Presence::Active);
    let known = h.store.worker(worker("alice")).await.unwrap().unwrap();
    assert_eq!(
        (known.last_seen, known.last_heartbeat),
        (at(61), Some(at(61)))
    );
    assert!(h.reap_gone(100).await.gone.is_empty());
    assert_eq!(h.reap_gone(107).await.gone, gone);
}

/// Workers of the original system may never send one; their leases run out in their time.
pub async fn a_worker_without_heartbeats_keeps_its_leases(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 10).await;
    let reaped = h.reap_gone(60).await;
    assert_eq!((reaped.gone.len(), reaped.lost), (1, 0));
    assert_eq!(h.get(id).await.status(), TaskStatus::Assigned);
    assert_eq!(h.reap_gone(71).await.lost, 1);
}

/// Whoever could not be heard of is not gone.
pub async fn rule_6_time_in_which_nobody_served_makes_nobody_gone(h: &Harness) {
    let reap = |seconds| {
        let silence = Duration::from_secs(5);
        let reap = Reap::new(100, silence).with_gone_after(GONE);
        h.at(seconds).reap(reap)
    };
    reap(0).await.unwrap();
    h.register(&["alice"], 0).await;
    h.beat("alice", 1).await;
    for seconds in (1_000..=1_045).step_by(5) {
        let reaped = reap(seconds).await.unwrap();
        assert!(reaped.gone.is_empty(), "served again for {seconds} - 1000");
    }
    assert_eq!(reap(1_050).await.unwrap().gone, [worker("alice")]);
}

/// A round declares no more workers gone than it was asked to, and says that there are more.
pub async fn a_round_declares_no_more_workers_gone_than_its_limit(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["bob"], 1).await;
    h.register(&["alice"], 3).await;
    h.register(&["carole"], 5).await;
    let reap = |seconds| {
        let reap = Reap::new(2, Duration::MAX).with_gone_after(GONE);
        h.at(seconds).reap(reap)
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

/// So it is with workers that are stale; as many as it may declare are not more.
pub async fn a_round_declares_no_more_workers_stale_than_its_limit(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["bob"], 1).await;
    h.register(&["alice"], 3).await;
    h.register(&["carole"], 5).await;
    h.register(&["dave"], 7).await;
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let reap = Reap::new(2, Duration::MAX).with_stale_after(GONE);
        let reaped = h.at(60).reap(reap).await.unwrap();
        let told = reaped.effects.events().iter();
        let told: Vec<_> = told.filter_map(|event| event.worker().cloned()).collect();
        rounds.push((told, reaped.more));
    }
    let stale = |names: [&str; 2], more| (names.map(worker).to_vec(), more);
    let expected = [
        stale(["bob", "alice"], true),
        stale(["carole", "dave"], false),
        (vec![], false),
    ];
    assert_eq!(rounds, expected, "longest silent first");
}

/// Whatever comes of them.
pub async fn every_step_of_a_worker_is_a_sign_of_life(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["alice"], 0).await;
    let ids = [h.task(2, 0).await, h.task(2, 1).await];
    let seen = async |seconds: i64| {
        let last_seen = h.worker("alice").await.last_seen;
        assert_eq!(last_seen, at(seconds), "{seconds}");
    };
    h.claim("alice", 2, 10).await;
    seen(10).await;
    h.submit(vote(ids[0], "alice", "x", 0.9), 20).await;
    seen(20).await;
    h.submit(vote(ids[0], "alice", "x", 0.9), 30).await;
    seen(30).await;
    h.renew("alice", LeaseScope::AllOf, 40).await;
    seen(40).await;
    h.give_back("alice", &ids[1..], 50).await;
    seen(50).await;
    h.claim("alice", 0, 60).await;
    seen(60).await;
    h.register(&["alice"], 70).await;
    seen(70).await;
    let instance = InstanceId::new("other").unwrap();
    let foreign = Renew::new(worker("alice"), LeaseScope::AllOf, LEASE).with_instance(instance);
    h.at(80).renew(foreign).await.unwrap();
    seen(70).await;
}

/// Its vote is enough.
pub async fn a_worker_that_votes_is_back(h: &Harness) {
    h.reap_gone(-100).await;
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 10).await;
    assert_eq!(h.reap_gone(60).await.gone, [worker("alice")]);
    assert_eq!(h.presence("alice", 0).await, Presence::Gone);
    h.submit(vote(id, "alice", "x", 0.9), 61).await;
    assert_eq!(h.presence("alice", 61).await, Presence::Active);
    assert_eq!(h.get(id).await.status(), TaskStatus::Finalized);
    assert!(h.reap_gone(100).await.gone.is_empty());
}

/// Signs of life within a second of the last one are not noted.
pub async fn signs_of_life_within_a_second_are_one(h: &Harness) {
    h.register(&["alice"], 0).await;
    let release = || Release::new(worker("alice"), LeaseScope::AllOf);
    h.clock.set(at(0).plus(Duration::from_millis(500)));
    h.market.release(release()).await.unwrap();
    assert_eq!(h.worker("alice").await.last_seen, at(0));
    h.at(1).release(release()).await.unwrap();
    assert_eq!(h.worker("alice").await.last_seen, at(1));
}

/// Until it is declared gone, and again once it is back.
pub async fn a_worker_that_is_gone_serves_nothing(h: &Harness) {
    h.reap_gone(-100).await;
    let id = h.task(1, 0).await;
    let serving = async || {
        let details = h.store.task(id).await.unwrap().unwrap();
        let types = h.store.task_types(TaskTypeQuery::new(9)).await.unwrap();
        let models = h.store.models(ModelQuery::new(9)).await.unwrap();
        let models = models.iter().flat_map(|model| &model.task_types);
        let by_model: u64 = models.map(|of| of.workers).sum();
        let unserved = h.stats().await.task_types_unserved;
        (details.able_workers, types[0].workers, by_model, unserved)
    };
    assert_eq!(serving().await, (Some(0), 0, 0, 1));
    h.register(&["dave"], 1).await;
    h.register(&["alice"], 40).await;
    assert_eq!(serving().await, (Some(2), 2, 2, 0));
    assert_eq!(h.reap_gone(50).await.gone, [worker("dave")]);
    assert_eq!(serving().await, (Some(1), 1, 1, 0));
    assert_eq!(h.reap_gone(90).await.gone, [worker("alice")]);
    assert_eq!(serving().await, (Some(0), 0, 0, 1));
    h.register(&["dave"], 91).await;
    assert_eq!(serving().await, (Some(1), 1, 1, 0));
    h.answer("dave", "x", 92).await;
    assert_eq!(serving().await, (None, 1, 1, 0));
}
