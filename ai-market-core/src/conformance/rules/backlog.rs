//! Rule 9: a worker that has answered a long prefix of the open tasks still gets all that is for it,
//! and does not look at the prefix again.

use std::sync::Arc;

use crate::conformance::harness::{Harness, LEASE, new_task, number, profile, vote, worker};
use crate::conformance::policies::Agree;
use crate::conformance::{CountingStore, Counts};
use crate::consensus::Policies;
use crate::id::{OwnerId, TaskId};
use crate::market::{Claim, Claimed, Insert, LeaseScope};
use crate::task::TaskStatus;

const PREFIX: i64 = 50;

/// How many candidates a claim may look at that finds its task at once: a first page, and a little.
const FEW: u64 = 16;

/// A market whose steps are counted.
fn counted(h: &Harness) -> (Harness, CountingStore) {
    let store = CountingStore::new(Arc::clone(&h.store));
    let h = Harness::new(Arc::new(store.clone()), h.clock.clone());
    (h, store)
}

/// Puts in `n` tasks that want `votes`.
async fn fill(h: &Harness, n: usize, votes: u32, seconds: i64) {
    let tasks = (0..n).map(|_| new_task("a", votes, seconds));
    let insert = Insert::new(tasks.collect());
    h.at(seconds).insert(insert).await.unwrap();
}

/// Claims `n` tasks and answers them.
async fn answer_many(h: &Harness, name: &str, n: usize, seconds: i64) {
    let claim = Claim::new(worker(name), LEASE);
    let claim = claim.with_limit(n).with_max_leases(n);
    let claimed = h.at(seconds).claim(claim).await.unwrap();
    let Claimed::Assigned(claimed) = claimed else {
        panic!("{name} is registered: {claimed:?}");
    };
    assert_eq!(claimed.len(), n);
    let votes = claimed.iter().map(|of| vote(of.task, name, "x", 0.9));
    h.at(seconds).submit(votes.collect()).await.unwrap();
}

/// When the ids of tasks that were put in at 0 are settled: no process that shares the store can
/// still put in a task with a lower one.
const SETTLED: i64 = 30;

/// A worker that has answered a thousand open tasks does not look at them again.
pub async fn rule_9_an_answered_prefix_is_not_looked_at_again(h: &Harness) {
    let (h, counts) = counted(h);
    h.register(&["alice", "bob"], 0).await;
    fill(&h, 1_000, 3, 0).await;
    answer_many(&h, "alice", 1_000, 1).await;
    assert!(h.claim("alice", 1, SETTLED).await.is_empty());
    let looked_at = async |expected: &[TaskId], seconds| {
        let _ = counts.take();
        assert_eq!(h.claim("alice", 1, SETTLED + seconds).await, expected);
        counts.take().candidates
    };
    assert!(looked_at(&[], 2).await <= FEW);
    fill(&h, 1_000, 3, SETTLED + 3).await;
    let claimed = h.claim("alice", 1, SETTLED + 3).await;
    assert_eq!(claimed.len(), 1);
    let _ = counts.take();
    assert_eq!(h.claim("alice", 1, SETTLED + 3).await.len(), 1);
    assert!(counts.take().candidates <= FEW);
    h.give_back("alice", &claimed, SETTLED + 4).await;
    assert!(looked_at(&claimed, 4).await <= FEW, "inside the prefix");
    let urgent = new_task("a", 3, SETTLED + 5).with_priority(1);
    let urgent = h.put(urgent, SETTLED + 5).await;
    assert!(looked_at(&[urgent], 5).await <= FEW, "before the prefix");
}

/// What came in before a worker's place and was taken by others meanwhile costs the worker nothing,
/// whether or not it knew of it before.
pub async fn rule_9_what_others_have_taken_is_not_looked_at(h: &Harness) {
    let (h, counts) = counted(h);
    h.register(&["alice", "bob"], 0).await;
    fill(&h, 20, 3, 0).await;
    for name in ["alice", "bob"] {
        answer_many(&h, name, 20, 1).await;
    }
    for name in ["alice", "bob"] {
        assert!(h.claim(name, 1, SETTLED).await.is_empty());
    }
    let urgent = async |n: i64, seconds| {
        let tasks = (0..n).map(|_| new_task("a", 1, seconds).with_priority(1));
        let insert = Insert::new(tasks.collect());
        h.at(seconds).insert(insert).await.unwrap();
    };
    let look_ups = async |seconds| {
        let _ = counts.take();
        assert!(h.claim("alice", 1, seconds).await.is_empty());
        let calls = counts.take().calls;
        let look_ups = ["claimable_at", "claimable_after"];
        let n = look_ups.map(|name| calls.get(name).copied().unwrap_or(0));
        n.iter().sum::<u64>()
    };
    for _ in 0..30 {
        urgent(1, SETTLED + 1).await;
        answer_many(&h, "bob", 1, SETTLED + 1).await;
    }
    assert!(look_ups(SETTLED + 2).await <= 3);
    urgent(30, SETTLED + 3).await;
    assert_eq!(h.claim("alice", 1, SETTLED + 3).await.len(), 1);
    answer_many(&h, "bob", 29, SETTLED + 3).await;
    assert!(look_ups(SETTLED + 4).await <= 3);
}

/// What a worker has answered before a restart is looked at once more, and not at every claim.
pub async fn rule_9_a_new_market_looks_at_the_prefix_once(h: &Harness) {
    h.register(&["alice"], 0).await;
    fill(h, 1_000, 3, 0).await;
    answer_many(h, "alice", 1_000, 1).await;
    let (h, counts) = counted(h);
    assert!(h.claim("alice", 1, SETTLED).await.is_empty());
    assert!(counts.take().candidates >= 1_000);
    assert!(h.claim("alice", 1, SETTLED).await.is_empty());
    assert!(counts.take().candidates <= FEW);
}

/// What a claim, a renewal and a vote of a new worker cost.
async fn costs(h: &Harness, counts: &CountingStore, name: &str, seconds: i64) -> [Counts; 3] {
    h.register(&[name], seconds).await;
    let task = new_task("a", 3, seconds).with_priority(1);
    let id = h.put(task, seconds).await;
    let _ = counts.take();
    assert_eq!(h.claim(name, 1, seconds).await, [id]);
    let claim = counts.take();
    h.renew(name, LeaseScope::Named(vec![id]), seconds).await;
    let renew = counts.take();
    h.submit(vote(id, name, "x", 0.9), seconds).await;
    let submit = counts.take();
    // Nobody else is given it.
    for other in ["bob", "carole"] {
        h.answer(other, "x", seconds).await;
    }
    [claim, renew, submit]
}

/// Claims, renewals and votes make as many calls of the store whatever is open or closed already.
pub async fn rule_9_steps_cost_the_same_whatever_the_backlog_and_history(h: &Harness) {
    let (h, counts) = counted(h);
    h.register(&["bob", "carole"], 0).await;
    fill(&h, 20, 3, 0).await;
    let first = costs(&h, &counts, "w1", 1).await;
    fill(&h, 1_000, 3, 2).await;
    let backlog = costs(&h, &counts, "w2", 3).await;
    assert_eq!(backlog, first);
    fill(&h, 500, 1, 4).await;
    h.register(&["dora"], 4).await;
    answer_many(&h, "dora", 1_520, 5).await;
    assert_eq!(h.stats().await.tasks_in(TaskStatus::Finalized), 502);
    let history = costs(&h, &counts, "w3", 6).await;
    assert_eq!(history, first);
    assert!(first[0].candidates <= FEW);
}

/// What was opened behind the cursor comes first, and where it is enough nothing else is looked at.
pub async fn rule_9_where_a_returned_lease_is_enough_a_claim_looks_no_further(h: &Harness) {
    let (h, counts) = counted(h);
    h.register(&["alice"], 0).await;
    fill(&h, 3, 3, 0).await;
    let first = h.claim("alice", 1, SETTLED).await;
    h.give_back("alice", &first, SETTLED).await;
    let _ = counts.take();
    assert_eq!(h.claim("alice", 1, SETTLED).await, first);
    assert_eq!(counts.take().calls.get("claimable_after"), None);
}

/// A worker that registers again, and is what it was, looks at nothing again.
pub async fn rule_9_registering_again_does_not_begin_at_the_prefix(h: &Harness) {
    let (h, counts) = counted(h);
    h.register(&["alice"], 0).await;
    fill(&h, 100, 3, 0).await;
    answer_many(&h, "alice", 100, 1).await;
    assert!(h.claim("alice", 1, SETTLED).await.is_empty());
    h.register(&["alice"], SETTLED).await;
    let _ = counts.take();
    assert!(h.claim("alice", 1, SETTLED).await.is_empty());
    assert!(counts.take().candidates <= FEW);
}

/// Alice has answered a prefix of tasks that all want further votes.
async fn answered_prefix(h: &Harness) -> Vec<TaskId> {
    h.register(&["alice", "bob"], 0).await;
    let mut ids = Vec::new();
    for i in 0..PREFIX {
        ids.push(h.task(3, i).await);
    }
    for id in &ids {
        assert_eq!(h.claim("alice", 1, PREFIX).await, [*id]);
        h.submit(vote(*id, "alice", "positive", 0.9), PREFIX).await;
    }
    assert!(h.claim("alice", 1, PREFIX).await.is_empty());
    ids
}

/// New tasks behind the prefix come at once.
pub async fn rule_9_an_answered_prefix_hides_nothing_behind_it(h: &Harness) {
    answered_prefix(h).await;
    let new = h.task(3, PREFIX).await;
    assert_eq!(h.claim("alice", 5, PREFIX).await, [new]);
}

/// What another worker gives back was never looked at while it was full.
pub async fn rule_9_a_returned_lease_inside_the_prefix_is_found(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let full = h.task(1, 0).await;
    assert_eq!(h.claim("bob", 1, 0).await, [full]);
    answered_prefix(h).await;
    h.give_back("bob", &[full], PREFIX).await;
    assert_eq!(h.claim("alice", 5, PREFIX).await, [full]);
}

/// Priority beats age also for a worker that has passed everything.
pub async fn rule_9_a_higher_priority_before_the_prefix_is_found(h: &Harness) {
    answered_prefix(h).await;
    let plain = h.task(3, PREFIX).await;
    let urgent = h
        .put(new_task("a", 3, PREFIX).with_priority(1), PREFIX)
        .await;
    assert_eq!(h.claim("alice", 5, PREFIX).await, [urgent, plain]);
}

/// A worker may have its own lost task once more.
pub async fn rule_9_a_lost_lease_of_its_own_is_found_again(h: &Harness) {
    h.register(&["alice"], 0).await;
    let (first, second) = (h.task(3, 0).await, h.task(3, 1).await);
    assert_eq!(h.claim("alice", 2, 1).await, [first, second]);
    assert!(h.claim("alice", 1, 1).await.is_empty());
    h.submit(vote(second, "alice", "positive", 0.9), 2).await;
    assert_eq!(h.reap(100).await.lost, 1);
    assert_eq!(h.claim("alice", 5, 100).await, [first]);
}

/// More votes wanted is work for whoever has not answered.
pub async fn rule_9_an_extended_task_inside_the_prefix_is_found(h: &Harness) {
    let h = &h.with_policies(Policies::new(Agree(2)));
    h.register(&["alice", "bob", "carole"], 0).await;
    let split = h
        .put(new_task("a", 2, 0).with_max_submissions(number(5)), 0)
        .await;
    for name in ["bob", "carole"] {
        assert_eq!(h.claim(name, 1, 0).await, [split]);
    }
    let other = h.put(new_task("b", 3, 1).with_wanted(number(3)), 1).await;
    assert_eq!(h.claim("alice", 1, 1).await, [other]);
    h.submit(vote(split, "bob", "x", 0.9), 2).await;
    assert!(h.claim("alice", 1, 2).await.is_empty());
    h.submit(vote(split, "carole", "y", 0.9), 2).await;
    assert_eq!(h.claim("alice", 1, 2).await, [split]);
}

/// A worker whose owner changes looks at everything with new eyes.
pub async fn rule_9_another_owner_sees_what_the_first_could_not_have(h: &Harness) {
    let owned = |name, owner| profile(name).with_owner(OwnerId::new(owner).unwrap());
    h.at(0).register(owned("a1", "ann")).await.unwrap();
    h.at(0).register(owned("a2", "ann")).await.unwrap();
    let id = h.task(3, 0).await;
    assert_eq!(h.claim("a1", 1, 1).await, [id]);
    assert!(h.claim("a2", 1, 1).await.is_empty());
    h.at(2).register(owned("a2", "ben")).await.unwrap();
    assert_eq!(h.claim("a2", 1, 2).await, [id]);
}
