//! Rule 6: what lost leases cost, and how many a worker may hold.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, at, new_task, number, profile, vote, worker};
use crate::id::OwnerId;
use crate::market::{Claim, Claimed, Insert, LeaseScope, Progress, Reap, SubmitOutcome};
use crate::task::{TaskState, TaskStatus};

/// Claims are free; what runs out, fails or restarts is an attempt.
pub async fn rule_6_a_lost_lease_is_an_attempt_and_a_claim_is_not(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    h.register_instance("carole", "one", 0).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        h.claim(name, 1, 0).await;
    }
    assert_eq!(h.get(id).await.attempts, 0);
    h.fail("alice", id, "out of memory", 1).await;
    assert_eq!(h.get(id).await.attempts, 1);
    h.register_instance("carole", "two", 2).await;
    assert_eq!(h.get(id).await.attempts, 2);
    h.reap(61).await;
    assert_eq!(h.get(id).await.attempts, 3);
    assert_eq!(h.get(id).await.status(), TaskStatus::Queued);
}

/// At its last attempt the task fails, with the reason, and what others hold of it ends.
pub async fn rule_6_a_failed_task_says_why(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h
        .put(new_task("a", 2, 0).with_max_attempts(number(2)), 0)
        .await;
    h.claim("bob", 1, 0).await;
    h.claim("alice", 1, 0).await;
    h.fail("alice", id, "the model broke", 1).await;
    assert_eq!(h.get(id).await.status(), TaskStatus::Assigned);
    h.claim("carole", 1, 1).await;
    let released = h.fail("carole", id, "out of memory", 2).await;
    assert_eq!(released.effects.closed(), [id]);
    let details = h.details(id).await;
    let TaskState::Failed { reason, at: when } = &details.task.state else {
        panic!("expected a failed task, got {:?}", details.task.state);
    };
    assert!(reason.contains("out of memory"), "{reason}");
    assert!(reason.contains("carole"), "{reason}");
    assert_eq!(*when, at(2));
    assert!(details.leases.is_empty());
    let outcome = h.submit(vote(id, "bob", "positive", 0.9), 3).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: false });
    assert_eq!(h.reap(1_000).await.lost, 0);
}

/// No single worker can fail a task.
pub async fn rule_6_a_worker_that_lost_a_task_twice_does_not_get_it_again(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h
        .put(new_task("a", 1, 0).with_max_attempts(number(3)), 0)
        .await;
    for seconds in [0, 100] {
        assert_eq!(h.claim("alice", 1, seconds).await, [id]);
        assert_eq!(h.reap(seconds + 61).await.lost, 1);
    }
    assert!(h.claim("alice", 1, 200).await.is_empty());
    let task = h.get(id).await;
    assert_eq!((task.attempts, task.status()), (2, TaskStatus::Queued));
    let outcome = h.answer("bob", "positive", 201).await;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
}

/// However many workers an owner has, and however few attempts the task allows.
pub async fn rule_6_the_workers_of_one_owner_cannot_fail_a_task(h: &Harness) {
    h.register(&["honest"], 9).await;
    let keys = ["key-1", "key-2", "key-3"];
    for key in keys {
        let owned = profile(key).with_owner(OwnerId::new("mallory").unwrap());
        h.at(9).register(owned).await.unwrap();
    }
    for max_attempts in [1, 2, 3, 5] {
        let id = h
            .put(
                new_task("a", 1, max_attempts.into()).with_max_attempts(number(max_attempts)),
                9,
            )
            .await;
        let mut lost = 0;
        for _ in 0..3 {
            for key in keys {
                for held in h.claim(key, 1, 9).await {
                    h.fail(key, held, "no", 9).await;
                    lost += 1;
                }
            }
        }
        assert_eq!(lost, 2, "the owner does not get it again");
        let task = h.get(id).await;
        let counted = 2.min(max_attempts.max(2) - 1);
        assert_eq!(
            (task.attempts, task.status()),
            (counted, TaskStatus::Queued)
        );
        let outcome = h.answer("honest", "positive", 9).await;
        assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
    }
}

/// Two owners can, also where the task allows a single attempt.
pub async fn rule_6_a_task_fails_when_two_owners_used_up_its_attempts(h: &Harness) {
    h.register(&["alice", "bob"], 9).await;
    for max_attempts in [1, 2] {
        let id = h
            .put(
                new_task("a", 1, max_attempts.into()).with_max_attempts(number(max_attempts)),
                9,
            )
            .await;
        for name in ["alice", "bob"] {
            assert_eq!(h.get(id).await.status(), TaskStatus::Queued);
            assert_eq!(h.claim(name, 1, 9).await, [id]);
            h.fail(name, id, "no", 9).await;
        }
        assert_eq!(h.get(id).await.status(), TaskStatus::Failed);
    }
}

/// A worker that hoards is stopped.
pub async fn rule_6_leases_per_worker_are_bounded(h: &Harness) {
    h.register(&["alice"], 0).await;
    let tasks = (0..100).map(|i| new_task("a", 1, i)).collect();
    h.at(100).insert(Insert::new(tasks)).await.unwrap();
    assert_eq!(
        h.claim("alice", 1_000, 100).await.len(),
        Claim::DEFAULT_MAX_LEASES
    );
    assert!(h.claim("alice", 1, 100).await.is_empty());
    let claim = Claim::new(worker("alice"), LEASE)
        .with_limit(9)
        .with_max_leases(66);
    let Claimed::Assigned(more) = h.at(100).claim(claim).await.unwrap() else {
        panic!("registered")
    };
    assert_eq!(more.len(), 2);
    h.submit(vote(more[0].task, "alice", "positive", 0.9), 101)
        .await;
    h.give_back("alice", &[more[1].task], 101).await;
    let held = h
        .store
        .worker(worker("alice"))
        .await
        .unwrap()
        .unwrap()
        .leases;
    assert_eq!(held, Claim::DEFAULT_MAX_LEASES as u64);
}

/// The coordinator was down, not the worker.
pub async fn rule_6_time_in_which_nobody_reaped_costs_no_lease(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    let silence = Duration::from_secs(5);
    let reap = |seconds| h.at(seconds).reap(Reap::new(100, silence));
    assert_eq!(reap(0).await.unwrap().lost, 0);
    h.claim("alice", 1, 2).await;
    assert_eq!(reap(4).await.unwrap().lost, 0);
    assert_eq!(
        reap(1_004).await.unwrap().lost,
        0,
        "a thousand seconds of silence"
    );
    assert_eq!(h.details(id).await.leases[0].until, at(1_062));
    for seconds in 1_005..=1_062 {
        assert_eq!(reap(seconds).await.unwrap().lost, 0);
    }
    assert_eq!(reap(1_063).await.unwrap().lost, 1);
}

/// A bare heartbeat keeps a lease for ten leases of service, not of time.
pub async fn rule_5_time_in_which_nobody_served_lets_bare_heartbeats_renew_longer(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.task(1, 0).await;
    let silence = Duration::from_secs(5);
    let reap = async |seconds| {
        h.at(seconds)
            .reap(Reap::new(9, silence))
            .await
            .unwrap()
            .lost
    };
    reap(0).await;
    h.claim("alice", 1, 2).await;
    reap(4).await;
    assert_eq!(reap(1_004).await, 0);
    // The lease counts as claimed at 1,002.
    for seconds in 1_005..1_602 {
        h.renew("alice", LeaseScope::AllOf, seconds).await;
        assert_eq!(reap(seconds).await, 0);
    }
    h.renew("alice", LeaseScope::AllOf, 1_602).await;
    assert_eq!((reap(1_602).await, reap(1_603).await), (0, 1));
}

/// A round never does more than it was asked to, and says that there is more.
pub async fn a_round_of_reaping_keeps_to_its_limit(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.at(5)
        .insert(Insert::new((0..5).map(|i| new_task("a", 1, i)).collect()))
        .await
        .unwrap();
    h.claim("alice", 5, 5).await;
    let mut lost = Vec::new();
    for _ in 0..3 {
        let reap = Reap::new(2, Duration::MAX);
        let reaped = h.at(100).reap(reap).await.unwrap();
        lost.push((reaped.lost, reaped.more));
    }
    assert_eq!(lost, [(2, true), (2, true), (1, false)]);
}

/// As many as it may end are not more.
pub async fn a_round_that_ends_just_as_much_as_it_may_says_that_there_is_no_more(h: &Harness) {
    h.register(&["alice"], 0).await;
    for seconds in [0, 1] {
        h.task(1, seconds).await;
    }
    h.claim("alice", 2, 1).await;
    let reaped = h.at(100).reap(Reap::new(2, Duration::MAX)).await.unwrap();
    assert_eq!((reaped.lost, reaped.more), (2, false));
}
