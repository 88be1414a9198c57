//! Rule 9, as far as it can be seen from outside: a worker that has answered a long prefix of the
//! open tasks still gets all that is for it.

use crate::conformance::desk::{Desk, at, new_task, number, profile, vote};
use crate::conformance::policies::Agree;
use crate::consensus::Policies;
use crate::id::{OwnerId, TaskId};
use crate::store::TaskStore;

const PREFIX: i64 = 50;

/// Alice has answered a prefix of tasks that all want further votes.
async fn answered_prefix(desk: &Desk<'_>) -> Vec<TaskId> {
    desk.register(&["alice", "bob"], 0).await;
    let mut ids = Vec::new();
    for i in 0..PREFIX {
        ids.push(desk.task(3, i).await);
    }
    for id in &ids {
        assert_eq!(desk.claim("alice", 1, PREFIX).await, [*id]);
        desk.submit(vote(*id, "alice", "positive", 0.9), PREFIX)
            .await;
    }
    assert!(desk.claim("alice", 1, PREFIX).await.is_empty());
    ids
}

/// New tasks behind the prefix come at once.
pub async fn rule_9_an_answered_prefix_hides_nothing_behind_it(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    answered_prefix(&desk).await;
    let new = desk.task(3, PREFIX).await;
    assert_eq!(desk.claim("alice", 5, PREFIX).await, [new]);
}

/// What another worker gives back was never looked at while it was full.
pub async fn rule_9_a_returned_lease_inside_the_prefix_is_found(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    let full = desk.task(1, 0).await;
    assert_eq!(desk.claim("bob", 1, 0).await, [full]);
    answered_prefix(&desk).await;
    desk.give_back("bob", &[full], PREFIX).await;
    assert_eq!(desk.claim("alice", 5, PREFIX).await, [full]);
}

/// Priority beats age also for a worker that has passed everything.
pub async fn rule_9_a_higher_priority_before_the_prefix_is_found(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    answered_prefix(&desk).await;
    let plain = desk.task(3, PREFIX).await;
    let urgent = desk
        .put(new_task("a", 3, PREFIX).with_priority(1), PREFIX)
        .await;
    assert_eq!(desk.claim("alice", 5, PREFIX).await, [urgent, plain]);
}

/// A worker may have its own lost task once more.
pub async fn rule_9_a_lost_lease_of_its_own_is_found_again(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let (first, second) = (desk.task(3, 0).await, desk.task(3, 1).await);
    assert_eq!(desk.claim("alice", 2, 1).await, [first, second]);
    assert!(desk.claim("alice", 1, 1).await.is_empty());
    desk.submit(vote(second, "alice", "positive", 0.9), 2).await;
    assert_eq!(desk.reap(100).await.lost, 1);
    assert_eq!(desk.claim("alice", 5, 100).await, [first]);
}

/// More votes wanted is work for whoever has not answered.
pub async fn rule_9_an_extended_task_inside_the_prefix_is_found(store: &dyn TaskStore) {
    let desk = Desk::with_policies(store, Policies::new(Agree(2)));
    desk.register(&["alice", "bob", "carole"], 0).await;
    let split = desk
        .put(new_task("a", 2, 0).with_max_submissions(number(5)), 0)
        .await;
    for name in ["bob", "carole"] {
        assert_eq!(desk.claim(name, 1, 0).await, [split]);
    }
    let other = desk
        .put(new_task("b", 3, 1).with_wanted(number(3)), 1)
        .await;
    assert_eq!(desk.claim("alice", 1, 1).await, [other]);
    desk.submit(vote(split, "bob", "x", 0.9), 2).await;
    assert!(desk.claim("alice", 1, 2).await.is_empty());
    desk.submit(vote(split, "carole", "y", 0.9), 2).await;
    assert_eq!(desk.claim("alice", 1, 2).await, [split]);
}

/// A worker whose owner changes looks at everything with new eyes.
pub async fn rule_9_another_owner_sees_what_the_first_could_not_have(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let owned = |name, owner| profile(name).with_owner(OwnerId::new(owner).unwrap());
    store.register(owned("a1", "ann"), at(0)).await.unwrap();
    store.register(owned("a2", "ann"), at(0)).await.unwrap();
    let id = desk.task(3, 0).await;
    assert_eq!(desk.claim("a1", 1, 1).await, [id]);
    assert!(desk.claim("a2", 1, 1).await.is_empty());
    store.register(owned("a2", "ben"), at(2)).await.unwrap();
    assert_eq!(desk.claim("a2", 1, 2).await, [id]);
}
