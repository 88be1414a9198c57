//! Rule 1: what is handed out to whom, and in which order.

use crate::assignment::Assignment;
use crate::conformance::desk::{
    Desk, LEASE, at, new_task, number, profile, task_type, vote, worker,
};
use crate::id::{InstanceId, OwnerId, TaskType};
use crate::store::{Claim, Claimed, TaskStore, WorkerProfile};
use crate::task::TaskStatus;

/// Replicas run side by side, not one after the other.
pub async fn rule_1_several_workers_hold_one_task_at_the_same_time(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob", "carole"], 0).await;
    let id = desk.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        assert_eq!(desk.claim(name, 1, 1).await, [id]);
    }
    let details = desk.details(id).await;
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
pub async fn rule_1_no_more_leases_than_wanted_votes(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob", "carole"], 0).await;
    let two = desk.task(2, 0).await;
    desk.answer("alice", "positive", 1).await;
    assert_eq!(desk.claim("bob", 1, 1).await, [two]);
    assert!(desk.claim("carole", 1, 1).await.is_empty());
    let later = desk
        .put(new_task("b", 3, 2).with_wanted(number(1)), 2)
        .await;
    assert_eq!(desk.claim("carole", 1, 2).await, [later]);
    assert!(
        desk.claim("alice", 1, 2).await.is_empty(),
        "one vote is wanted at first"
    );
}

/// One worker is one vote.
pub async fn rule_1_nobody_gets_a_task_that_it_holds_or_answered(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let id = desk.task(3, 0).await;
    assert_eq!(desk.claim("alice", 5, 1).await, [id]);
    assert!(desk.claim("alice", 5, 1).await.is_empty());
    desk.submit(vote(id, "alice", "positive", 0.9), 2).await;
    assert!(desk.claim("alice", 5, 2).await.is_empty());
}

/// Workers of one owner are one witness.
pub async fn rule_1_one_owner_answers_a_task_once(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let owned = |name, owner| profile(name).with_owner(OwnerId::new(owner).unwrap());
    for profile in [owned("a1", "ann"), owned("a2", "ann"), owned("b1", "ben")] {
        store.register(profile, at(0)).await.unwrap();
    }
    let id = desk.task(3, 0).await;
    assert_eq!(desk.claim("a1", 1, 1).await, [id]);
    assert!(
        desk.claim("a2", 1, 1).await.is_empty(),
        "its owner holds the task"
    );
    desk.submit(vote(id, "a1", "positive", 0.9), 2).await;
    assert!(
        desk.claim("a2", 1, 2).await.is_empty(),
        "its owner has answered the task"
    );
    assert_eq!(desk.claim("b1", 1, 2).await, [id]);
}

/// A task reaches only workers that can do its type.
pub async fn rule_1_only_types_that_the_worker_can_do(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let both = WorkerProfile::new(worker("bob"), [TaskType::sentiment(), task_type("ner")]);
    store.register(both, at(0)).await.unwrap();
    let ner = desk
        .put(new_task("a", 3, 0).with_task_type(task_type("ner")), 0)
        .await;
    assert!(desk.claim("alice", 5, 1).await.is_empty());
    let sentiment = desk.task(3, 1).await;
    assert_eq!(desk.claim("alice", 5, 1).await, [sentiment]);
    assert_eq!(desk.claim("bob", 5, 1).await, [ner, sentiment]);
}

/// Priority first, then age.
pub async fn rule_1_higher_priority_first_then_oldest(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    let mut ids = Vec::new();
    for (i, priority) in [0, 5, -3, 5, 0].into_iter().enumerate() {
        let task = new_task("a", 2, i as i64).with_priority(priority);
        ids.push(desk.put(task, i as i64).await);
    }
    let order = [ids[1], ids[3], ids[0], ids[4], ids[2]];
    assert_eq!(desk.claim("alice", 10, 9).await, order);
    for id in order {
        assert_eq!(
            desk.claim("bob", 1, 9).await,
            [id],
            "one at a time gives the same order"
        );
    }
}

/// What is finalized or failed needs no more work.
pub async fn rule_1_a_closed_task_is_not_handed_out(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    desk.task(1, 0).await;
    desk.answer("alice", "positive", 1).await;
    let failing = desk
        .put(new_task("b", 2, 2).with_max_attempts(number(1)), 2)
        .await;
    assert_eq!(desk.claim("alice", 1, 2).await, [failing]);
    desk.fail("alice", failing, "no idea", 3).await;
    assert!(desk.claim("bob", 5, 4).await.is_empty());
}

/// The best of all types that the worker can do comes first.
pub async fn rule_1_order_holds_over_several_types(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let types = ["a", "b", "c"].map(task_type);
    store
        .register(WorkerProfile::new(worker("alice"), types.clone()), at(0))
        .await
        .unwrap();
    let mut ids = Vec::new();
    for i in 0..9 {
        let task = new_task("t", 1, i).with_task_type(types[i as usize % 3].clone());
        ids.push(desk.put(task.with_priority(i32::from(i == 7)), i).await);
    }
    let order = [7, 0, 1, 2, 3, 4, 5, 6, 8].map(|i: usize| ids[i]);
    let mut claimed = desk.claim("alice", 4, 20).await;
    claimed.extend(desk.claim("alice", 1, 20).await);
    claimed.extend(desk.claim("alice", 10, 20).await);
    assert_eq!(claimed, order);
}

/// Registering comes first.
pub async fn an_unknown_worker_claims_nothing(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.task(3, 0).await;
    let claim = Claim::new(worker("nobody"), LEASE, at(1));
    assert_eq!(store.claim(claim).await.unwrap(), Claimed::UnknownWorker);
}

/// Two processes of one worker id: the one that registered last gets the tasks.
pub async fn only_the_current_instance_claims(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let by = |instance| {
        let instance = InstanceId::new(instance).unwrap();
        Claim::new(worker("alice"), LEASE, at(1)).with_instance(instance)
    };
    desk.task(3, 0).await;
    desk.register(&["alice"], 0).await;
    let unregistered = store.claim(by("one")).await.unwrap();
    assert_eq!(unregistered, Claimed::UnknownWorker);
    desk.register_instance("alice", "one", 0).await;
    desk.register_instance("alice", "two", 0).await;
    assert_eq!(store.claim(by("one")).await.unwrap(), Claimed::Superseded);
    let Claimed::Assigned(tasks) = store.claim(by("two")).await.unwrap() else {
        panic!("it is the current instance");
    };
    assert_eq!(tasks.len(), 1);
}

/// Whoever is known to belong to an owner must be registered under it.
pub async fn a_claim_for_another_owner_is_as_good_as_unknown(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let owner = |name| OwnerId::new(name).unwrap();
    desk.task(3, 0).await;
    let claim = Claim::new(worker("alice"), LEASE, at(1)).with_owner(owner("ann"));
    desk.register(&["alice"], 0).await;
    assert_eq!(
        store.claim(claim.clone()).await.unwrap(),
        Claimed::UnknownWorker
    );
    store
        .register(profile("alice").with_owner(owner("ben")), at(0))
        .await
        .unwrap();
    assert_eq!(
        store.claim(claim.clone()).await.unwrap(),
        Claimed::UnknownWorker
    );
    store
        .register(profile("alice").with_owner(owner("ann")), at(0))
        .await
        .unwrap();
    let Claimed::Assigned(tasks) = store.claim(claim).await.unwrap() else {
        panic!("it is registered under its owner");
    };
    assert_eq!(tasks.len(), 1);
}

/// Text, type and end of the lease come with the task.
pub async fn an_assignment_says_what_is_to_be_done(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let id = desk.put(new_task("a\u{301} \u{1F600} text", 1, 0), 0).await;
    let claim = Claim::new(worker("alice"), LEASE, at(1));
    let claimed = store.claim(claim).await.unwrap();
    let text = "a\u{301} \u{1F600} text".into();
    let expected = Assignment::new(id, text, TaskType::sentiment(), at(1).plus(LEASE));
    assert_eq!(claimed, Claimed::Assigned(vec![expected]));
    assert!(desk.claim("alice", 0, 1).await.is_empty());
}

/// A worker may learn something new, or stop doing something.
pub async fn new_capabilities_hold_from_the_next_claim(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let ner = desk
        .put(new_task("a", 3, 0).with_task_type(task_type("ner")), 0)
        .await;
    desk.task(3, 0).await;
    let other = WorkerProfile::new(worker("alice"), [task_type("ner")]);
    store.register(other, at(1)).await.unwrap();
    assert_eq!(desk.claim("alice", 5, 2).await, [ner]);
}
