//! Rule 5: what a heartbeat does.

use crate::conformance::harness::{Harness, LEASE, at, worker};
use crate::id::{InstanceId, TaskId};
use crate::market::{LeaseScope, Renew, Renewed};

fn gone(tasks: &[TaskId]) -> Renewed {
    Renewed::Renewed {
        gone: tasks.to_vec(),
    }
}

async fn until(h: &Harness, task: TaskId) -> i64 {
    let leases = h.details(task).await.leases;
    (leases[0].until.as_micros() - at(0).as_micros()) / 1_000_000
}

/// A shorter lease takes nothing away.
pub async fn rule_5_a_renewal_never_shortens_a_lease(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 100).await;
    for scope in [LeaseScope::Named(vec![id]), LeaseScope::AllOf] {
        let shorter = Renew::new(worker("alice"), scope, LEASE / 2);
        assert_eq!(h.at(110).renew(shorter).await.unwrap(), gone(&[]));
        assert_eq!(until(h, id).await, 160);
    }
    h.renew("alice", LeaseScope::Named(vec![id]), 130).await;
    assert_eq!(until(h, id).await, 190);
    assert_eq!(h.reap(190).await.lost, 0);
    assert_eq!(h.reap(191).await.lost, 1);
}

/// What is not named runs out.
pub async fn rule_5_a_renewal_touches_only_the_named_tasks(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let (a, b) = (h.task(2, 0).await, h.task(1, 1).await);
    h.claim("alice", 2, 1).await;
    h.claim("bob", 1, 1).await;
    h.renew("alice", LeaseScope::Named(vec![a]), 50).await;
    assert_eq!((until(h, a).await, until(h, b).await), (110, 61));
    let bobs = &h.details(a).await.leases[1];
    assert_eq!((bobs.worker.as_str(), bobs.until), ("bob", at(61)));
    h.renew("alice", LeaseScope::Named(Vec::new()), 55).await;
    assert_eq!((until(h, a).await, until(h, b).await), (110, 61));
}

/// A heartbeat that names nothing cannot keep a dead process's leases for ever.
pub async fn rule_5_a_bare_heartbeat_keeps_a_lease_for_ten_leases_at_most(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    for seconds in (0..=590).step_by(10) {
        assert_eq!(
            h.renew("alice", LeaseScope::AllOf, seconds).await,
            gone(&[])
        );
        assert_eq!(h.reap(seconds).await.lost, 0);
    }
    assert_eq!(until(h, id).await, 600);
    h.renew("alice", LeaseScope::AllOf, 600).await;
    assert_eq!(h.reap(601).await.lost, 1);
}

/// The worker learns which of its tasks it may drop.
pub async fn rule_5_what_is_gone_is_returned(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let (a, b, c) = (h.task(1, 0).await, h.task(1, 1).await, h.task(1, 2).await);
    assert_eq!(h.claim("alice", 2, 2).await, [a, b]);
    assert_eq!(h.claim("bob", 1, 2).await, [c]);
    h.give_back("alice", &[a], 3).await;
    let unknown = TaskId::generate(at(0));
    let named = LeaseScope::Named(vec![unknown, c, b, a]);
    assert_eq!(h.renew("alice", named, 4).await, gone(&[unknown, c, a]));
    assert_eq!(h.renew("alice", LeaseScope::AllOf, 4).await, gone(&[]));
}

/// Two processes of one worker id: the one that registered last is the worker.
pub async fn another_instance_is_told_that_it_is_superseded(h: &Harness) {
    h.register_instance("alice", "one", 0).await;
    h.register_instance("alice", "two", 1).await;
    let id = h.task(1, 1).await;
    h.claim("alice", 1, 1).await;
    let by = |instance: &str| {
        Renew::new(worker("alice"), LeaseScope::Named(vec![id]), LEASE)
            .with_instance(InstanceId::new(instance).unwrap())
    };
    assert_eq!(
        h.at(30).renew(by("one")).await.unwrap(),
        Renewed::Superseded
    );
    assert_eq!(until(h, id).await, 61);
    assert_eq!(h.at(30).renew(by("two")).await.unwrap(), gone(&[]));
    assert_eq!(until(h, id).await, 90);
    let seen = h
        .store
        .worker(worker("alice"))
        .await
        .unwrap()
        .unwrap()
        .last_seen;
    assert_eq!(seen, at(30));
}

/// Registering comes first.
pub async fn an_unknown_worker_renews_nothing(h: &Harness) {
    let renewed = h.renew("nobody", LeaseScope::AllOf, 0).await;
    assert_eq!(renewed, Renewed::UnknownWorker);
}

/// After a reset, a worker may have been registered on the fly with less than it can do.
pub async fn an_instance_that_never_registered_is_unknown(h: &Harness) {
    h.register(&["alice"], 0).await;
    let instance = InstanceId::new("one").unwrap();
    let renew = Renew::new(worker("alice"), LeaseScope::AllOf, LEASE);
    let renewed = h
        .at(1)
        .renew(renew.clone().with_instance(instance))
        .await
        .unwrap();
    assert_eq!(renewed, Renewed::UnknownWorker);
    assert_eq!(h.at(1).renew(renew).await.unwrap(), gone(&[]));
}
