//! Rule 1: what is handed out to whom, and in which order.

use crate::assignment::Assignment;
use crate::conformance::harness::{
    Harness, LEASE, at, new_task, number, profile, task_type, vote, worker,
};
use crate::id::{InstanceId, OwnerId, TaskType};
use crate::market::{Claim, Claimed};
use crate::store::WorkerProfile;
use crate::task::TaskStatus;

/// Replicas run side by side, not one after the other.
pub async fn rule_1_several_workers_hold_one_task_at_the_same_time(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        assert_eq!(h.claim(name, 1, 1).await, [id]);
    }
    let details = h.details(id).await;
    let holders: Vec<_> = details
        .leases
        .iter()
        .map(|lease| lease.worker.as_str())
        .collect();
    assert_eq!(holders, ["alice", "bob", "carole"]);
    assert!(
        details
            .leases
            .iter()
            .all(|l| l.claimed_at == at(1) && l.until == at(1).plus(LEASE))
    );
    assert_eq!(
        (details.task.lease_count, details.task.status()),
        (3, TaskStatus::Assigned)
    );
}

/// Votes and leases together are never more than the votes wanted.
pub async fn rule_1_no_more_leases_than_wanted_votes(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    let two = h.task(2, 0).await;
    h.answer("alice", "positive", 1).await;
    assert_eq!(h.claim("bob", 1, 1).await, [two]);
    assert!(h.claim("carole", 1, 1).await.is_empty());
    let later = h.put(new_task("b", 3, 2).with_wanted(number(1)), 2).await;
    assert_eq!(h.claim("carole", 1, 2).await, [later]);
    assert!(
        h.claim("alice", 1, 2).await.is_empty(),
        "one vote is wanted at first"
    );
}

/// One worker is one vote.
pub async fn rule_1_nobody_gets_a_task_that_it_holds_or_answered(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(3, 0).await;
    assert_eq!(h.claim("alice", 5, 1).await, [id]);
    assert!(h.claim("alice", 5, 1).await.is_empty());
    h.submit(vote(id, "alice", "positive", 0.9), 2).await;
    assert!(h.claim("alice", 5, 2).await.is_empty());
}

/// Workers of one owner are one witness.
pub async fn rule_1_one_owner_answers_a_task_once(h: &Harness) {
    let owned = |name, owner| profile(name).with_owner(OwnerId::new(owner).unwrap());
    for profile in [owned("a1", "ann"), owned("a2", "ann"), owned("b1", "ben")] {
        h.at(0).register(profile).await.unwrap();
    }
    let id = h.task(3, 0).await;
    assert_eq!(h.claim("a1", 1, 1).await, [id]);
    assert!(
        h.claim("a2", 1, 1).await.is_empty(),
        "its owner holds the task"
    );
    h.submit(vote(id, "a1", "positive", 0.9), 2).await;
    assert!(
        h.claim("a2", 1, 2).await.is_empty(),
        "its owner has answered the task"
    );
    assert_eq!(h.claim("b1", 1, 2).await, [id]);
}

/// Whose answer it is was settled when the task was claimed, whatever the worker says by then.
pub async fn rule_1_the_owner_of_a_vote_is_that_of_its_lease(h: &Harness) {
    let owner = |name| OwnerId::new(name).unwrap();
    let register = async |name, by, seconds| {
        let profile = profile(name).with_owner(owner(by));
        h.at(seconds).register(profile).await.unwrap();
    };
    register("alice", "ann", 0).await;
    register("a2", "ann", 0).await;
    register("b2", "ben", 0).await;
    let id = h.task(3, 0).await;
    assert_eq!(h.claim("alice", 1, 1).await, [id]);
    register("alice", "ben", 2).await;
    assert!(h.claim("a2", 1, 2).await.is_empty());
    h.submit(vote(id, "alice", "x", 0.9), 3).await;
    let answered = h.details(id).await;
    assert_eq!(answered.submissions[0].owner, Some(owner("ann")));
    assert!(h.claim("a2", 1, 4).await.is_empty());
    assert_eq!(h.claim("b2", 1, 4).await, [id]);
}

/// A task reaches only workers that can do its type.
pub async fn rule_1_only_types_that_the_worker_can_do(h: &Harness) {
    h.register(&["alice"], 0).await;
    let both = WorkerProfile::new(worker("bob"), [TaskType::sentiment(), task_type("ner")]);
    h.at(0).register(both).await.unwrap();
    let ner = h
        .put(new_task("a", 3, 0).with_task_type(task_type("ner")), 0)
        .await;
    assert!(h.claim("alice", 5, 1).await.is_empty());
    let sentiment = h.task(3, 1).await;
    assert_eq!(h.claim("alice", 5, 1).await, [sentiment]);
    assert_eq!(h.claim("bob", 5, 1).await, [ner, sentiment]);
}

/// Priority first, then age.
pub async fn rule_1_higher_priority_first_then_oldest(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let mut ids = Vec::new();
    for (i, priority) in [0, 5, -3, 5, 0].into_iter().enumerate() {
        let task = new_task("a", 2, i as i64).with_priority(priority);
        ids.push(h.put(task, i as i64).await);
    }
    let order = [ids[1], ids[3], ids[0], ids[4], ids[2]];
    assert_eq!(h.claim("alice", 10, 9).await, order);
    for id in order {
        assert_eq!(
            h.claim("bob", 1, 9).await,
            [id],
            "one at a time gives the same order"
        );
    }
}

/// What is finalized or failed needs no more work.
pub async fn rule_1_a_closed_task_is_not_handed_out(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    h.task(1, 0).await;
    h.answer("alice", "positive", 1).await;
    let failing = h
        .put(new_task("b", 2, 2).with_max_attempts(number(2)), 2)
        .await;
    for name in ["alice", "carole"] {
        assert_eq!(h.claim(name, 1, 3).await, [failing]);
        h.fail(name, failing, "no idea", 3).await;
    }
    assert!(h.claim("bob", 5, 4).await.is_empty());
}

/// The best of all types that the worker can do comes first.
pub async fn rule_1_order_holds_over_several_types(h: &Harness) {
    let types = ["a", "b", "c"].map(task_type);
    h.at(0)
        .register(WorkerProfile::new(worker("alice"), types.clone()))
        .await
        .unwrap();
    let mut ids = Vec::new();
    for i in 0..9 {
        let task = new_task("t", 1, i).with_task_type(types[i as usize % 3].clone());
        ids.push(h.put(task.with_priority(i32::from(i == 7)), i).await);
    }
    let order = [7, 0, 1, 2, 3, 4, 5, 6, 8].map(|i: usize| ids[i]);
    let mut claimed = h.claim("alice", 4, 20).await;
    claimed.extend(h.claim("alice", 1, 20).await);
    claimed.extend(h.claim("alice", 10, 20).await);
    assert_eq!(claimed, order);
}

/// Registering comes first.
pub async fn an_unknown_worker_claims_nothing(h: &Harness) {
    h.task(3, 0).await;
    let claim = Claim::new(worker("nobody"), LEASE);
    assert_eq!(h.at(1).claim(claim).await.unwrap(), Claimed::UnknownWorker);
}

/// Two processes of one worker id: the one that registered last gets the tasks.
pub async fn only_the_current_instance_claims(h: &Harness) {
    let by = |instance| {
        let instance = InstanceId::new(instance).unwrap();
        Claim::new(worker("alice"), LEASE).with_instance(instance)
    };
    h.task(3, 0).await;
    h.register(&["alice"], 0).await;
    let unregistered = h.at(1).claim(by("one")).await.unwrap();
    assert_eq!(unregistered, Claimed::UnknownWorker);
    h.register_instance("alice", "one", 1).await;
    h.register_instance("alice", "two", 1).await;
    assert_eq!(h.at(1).claim(by("one")).await.unwrap(), Claimed::Superseded);
    let Claimed::Assigned(tasks) = h.at(1).claim(by("two")).await.unwrap() else {
        panic!("it is the current instance");
    };
    assert_eq!(tasks.len(), 1);
}

/// Whoever is known to belong to an owner must be registered under it.
pub async fn a_claim_for_another_owner_is_as_good_as_unknown(h: &Harness) {
    let owner = |name| OwnerId::new(name).unwrap();
    h.task(3, 0).await;
    let claim = Claim::new(worker("alice"), LEASE).with_owner(owner("ann"));
    h.register(&["alice"], 0).await;
    assert_eq!(
        h.at(1).claim(claim.clone()).await.unwrap(),
        Claimed::UnknownWorker
    );
    h.at(1)
        .register(profile("alice").with_owner(owner("ben")))
        .await
        .unwrap();
    assert_eq!(
        h.at(1).claim(claim.clone()).await.unwrap(),
        Claimed::UnknownWorker
    );
    h.at(1)
        .register(profile("alice").with_owner(owner("ann")))
        .await
        .unwrap();
    let Claimed::Assigned(tasks) = h.at(1).claim(claim).await.unwrap() else {
        panic!("it is registered under its owner");
    };
    assert_eq!(tasks.len(), 1);
}

/// Text, type and end of the lease come with the task.
pub async fn an_assignment_says_what_is_to_be_done(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.put(new_task("a\u{301} \u{1F600} text", 1, 0), 0).await;
    let claim = Claim::new(worker("alice"), LEASE);
    let claimed = h.at(1).claim(claim).await.unwrap();
    let text = "a\u{301} \u{1F600} text".into();
    let expected = Assignment::new(id, text, TaskType::sentiment(), at(1).plus(LEASE));
    assert_eq!(claimed, Claimed::Assigned(vec![expected]));
    assert!(h.claim("alice", 0, 1).await.is_empty());
}

/// A worker may learn something new, or stop doing something.
pub async fn new_capabilities_hold_from_the_next_claim(h: &Harness) {
    h.register(&["alice"], 0).await;
    let ner = h
        .put(new_task("a", 3, 0).with_task_type(task_type("ner")), 0)
        .await;
    h.task(3, 0).await;
    let other = WorkerProfile::new(worker("alice"), [task_type("ner")]);
    h.at(1).register(other).await.unwrap();
    assert_eq!(h.claim("alice", 5, 2).await, [ner]);
}
