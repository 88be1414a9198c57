//! Rule 2: when a lease ends, and that a vote needs it.

use crate::conformance::harness::{Harness, at, vote, worker};
use crate::id::InstanceId;
use crate::market::{LeaseScope, Progress, Release, SubmitOutcome};
use crate::task::TaskStatus;

/// A slow worker's answer counts until its lease was taken from it.
pub async fn rule_2_a_lease_does_not_end_by_the_clock_alone(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    let outcome = h
        .submit(vote(id, "alice", "positive", 0.9), 1_000_000)
        .await;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
}

/// Once reaped, the lease is gone and the task goes to another worker.
pub async fn rule_2_a_lost_lease_takes_no_vote(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    assert_eq!(
        h.reap(60).await.lost,
        0,
        "it lasts until its time has passed"
    );
    assert!(h.claim("bob", 1, 60).await.is_empty());
    let reaped = h.reap(61).await;
    assert_eq!(reaped.lost, 1);
    assert_eq!(reaped.effects.freed().map(|(_, n)| n).sum::<u64>(), 1);
    let outcome = h.submit(vote(id, "alice", "positive", 0.9), 61).await;
    assert_eq!(outcome, SubmitOutcome::NotAssigned);
    assert_eq!(h.get(id).await.status(), TaskStatus::Queued);
    assert_eq!(h.claim("bob", 1, 61).await, [id]);
    assert_eq!(h.reap(62).await.lost, 0, "it is lost once");
}

/// Nobody votes on what it was not given.
pub async fn rule_2_a_vote_needs_the_lease(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(2, 0).await;
    h.claim("alice", 1, 0).await;
    for name in ["bob", "nobody"] {
        let outcome = h.submit(vote(id, name, "positive", 0.9), 1).await;
        assert_eq!(outcome, SubmitOutcome::NotAssigned);
    }
    assert_eq!(h.get(id).await.submission_count, 0);
    assert!(h.points().await.is_empty());
}

/// A restarted worker does not know what its predecessor was doing.
pub async fn rule_2_another_instance_ends_the_leases_of_the_first(h: &Harness) {
    h.register_instance("alice", "one", 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    h.register_instance("alice", "two", 1).await;
    let task = h.get(id).await;
    assert_eq!((task.lease_count, task.attempts), (0, 1));
    assert_eq!(
        h.claim("alice", 1, 1).await,
        [id],
        "the new instance may have it again"
    );
}

/// Registering again is harmless.
pub async fn rule_2_the_same_instance_again_ends_nothing(h: &Harness) {
    h.register_instance("alice", "one", 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    h.register_instance("alice", "one", 1).await;
    assert_eq!(h.get(id).await.lease_count, 1);
}

/// The original's worker registers whenever it likes, without an instance.
pub async fn rule_2_registering_without_an_instance_ends_nothing(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.register_instance("bob", "one", 0).await;
    let id = h.task(2, 0).await;
    h.claim("alice", 1, 0).await;
    h.claim("bob", 1, 0).await;
    h.register(&["alice", "bob"], 1).await;
    assert_eq!(h.get(id).await.lease_count, 2);
    let kept = h
        .store
        .worker(worker("bob"))
        .await
        .unwrap()
        .unwrap()
        .profile
        .instance;
    assert_eq!(kept, Some(InstanceId::new("one").unwrap()));
}

/// Giving back is no failure.
pub async fn rule_2_a_returned_lease_is_claimable_at_once_and_no_attempt(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(1, 0).await;
    for seconds in 0..5 {
        assert_eq!(h.claim("alice", 1, seconds).await, [id]);
        let released = h.give_back("alice", &[id], seconds).await;
        assert_eq!(released.released, 1);
        assert_eq!(released.effects.freed().map(|(_, n)| n).sum::<u64>(), 1);
    }
    let task = h.get(id).await;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 0));
    assert_eq!(h.claim("bob", 1, 5).await, [id]);
}

/// A process that is going down does not take the leases of its successor along.
pub async fn rule_2_a_release_by_another_instance_is_passed_over(h: &Harness) {
    h.register_instance("alice", "two", 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 0).await;
    let by = |instance| {
        Release::new(worker("alice"), LeaseScope::Named(vec![id]))
            .with_instance(InstanceId::new(instance).unwrap())
    };
    assert_eq!(h.at(1).release(by("one")).await.unwrap().released, 0);
    assert_eq!(h.get(id).await.lease_count, 1);
    assert_eq!(h.at(1).release(by("two")).await.unwrap().released, 1);
}

/// One bad id does not fail the rest.
pub async fn releasing_what_is_not_held_is_passed_over(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let (mine, other) = (h.task(1, 0).await, h.task(1, 1).await);
    h.claim("alice", 1, 1).await;
    h.claim("bob", 1, 1).await;
    let unknown = crate::id::TaskId::generate(at(0));
    assert_eq!(
        h.give_back("alice", &[other, unknown, mine], 2)
            .await
            .released,
        1
    );
    assert_eq!(h.give_back("alice", &[mine], 2).await.released, 0);
    assert_eq!(h.give_back("nobody", &[mine, other], 2).await.released, 0);
    assert_eq!(h.get(other).await.lease_count, 1);
}

/// A worker that stops does not have to know what it was given last.
pub async fn releasing_all_gives_back_whatever_is_held(h: &Harness) {
    h.register_instance("alice", "one", 0).await;
    h.register(&["bob"], 0).await;
    let ids = [h.task(2, 0).await, h.task(2, 1).await];
    for name in ["alice", "bob"] {
        assert_eq!(h.claim(name, 2, 1).await, ids);
    }
    let by = |instance| {
        Release::new(worker("alice"), LeaseScope::AllOf)
            .with_instance(InstanceId::new(instance).unwrap())
    };
    assert_eq!(h.at(2).release(by("two")).await.unwrap().released, 0);
    assert_eq!(h.at(2).release(by("one")).await.unwrap().released, 2);
    for id in ids {
        let task = h.get(id).await;
        assert_eq!(
            (task.lease_count, task.attempts),
            (1, 0),
            "bob still holds it"
        );
    }
}
