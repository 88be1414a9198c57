//! A claim with a request id can be repeated: while its leases stand, it gives them again.

use crate::assignment::Assignment;
use crate::conformance::harness::{Harness, LEASE, at, new_task, race, vote, worker};
use crate::event::EventId;
use crate::id::{RequestId, TaskId, TaskType};
use crate::market::{Claim, Claimed, Ruling, StandingChange};
use crate::store::EventQuery;

use super::grace::two_agree;

pub(super) fn claim_named(name: &str, request: &str, limit: usize) -> Claim {
    let request = RequestId::new(request).unwrap();
    let claim = Claim::new(worker(name), LEASE).with_limit(limit);
    claim.with_request(request)
}

/// Claims for the first time under a request id.
pub(super) async fn claim_new(
    h: &Harness,
    name: &str,
    request: &str,
    limit: usize,
    seconds: i64,
) -> Vec<TaskId> {
    let claim = claim_named(name, request, limit);
    match h.at(seconds).claim(claim).await.unwrap() {
        Claimed::Assigned(new) => new.iter().map(|a| a.task).collect(),
        other => panic!("new leases are expected, not {other:?}"),
    }
}

/// Claims again under a request id.
pub(super) async fn claim_again(
    h: &Harness,
    name: &str,
    request: &str,
    limit: usize,
    seconds: i64,
) -> Vec<TaskId> {
    let claim = claim_named(name, request, limit);
    match h.at(seconds).claim(claim).await.unwrap() {
        Claimed::Repeated(again) => again.iter().map(|a| a.task).collect(),
        other => panic!("the same leases are expected, not {other:?}"),
    }
}

/// With their texts and in the same order, though tasks have come that would be first now.
pub async fn a_repeated_claim_gives_the_same_leases(h: &Harness) {
    h.register(&["alice"], 0).await;
    let mut ids = Vec::new();
    for (text, priority) in [("low", 0), ("high", 5), ("middle", 2)] {
        let task = new_task(text, 1, 0).with_priority(priority);
        ids.push(h.put(task, 0).await);
    }
    let claimed = h.at(1).claim(claim_named("alice", "a", 3)).await.unwrap();
    let Claimed::Assigned(first) = claimed else {
        panic!("alice is registered: {claimed:?}");
    };
    assert_eq!(
        first.iter().map(|a| &*a.text).collect::<Vec<_>>(),
        ["high", "middle", "low"]
    );
    h.put(new_task("highest", 1, 1).with_priority(9), 1).await;
    for _ in 0..2 {
        let again = h.at(1).claim(claim_named("alice", "a", 3)).await.unwrap();
        assert_eq!(again, Claimed::Repeated(first.clone()));
    }
    assert_eq!(h.worker("alice").await.leases, 3);
    for id in ids {
        let task = h.get(id).await;
        assert_eq!((task.lease_count, task.attempts), (1, 0));
    }
}

/// The worker has as much time as if it had got them now, and no less than it had.
pub async fn a_repeated_claim_renews_its_leases(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.put(new_task("a text", 1, 0), 0).await;
    claim_new(h, "alice", "a", 1, 1).await;
    let until = |seconds| {
        let assignment = Assignment::new(id, "a text".into(), TaskType::sentiment(), at(seconds));
        Claimed::Repeated(vec![assignment])
    };
    let again = h.at(59).claim(claim_named("alice", "a", 1)).await.unwrap();
    assert_eq!(again, until(119));
    let mut shorter = claim_named("alice", "a", 1);
    shorter.lease = LEASE / 2;
    assert_eq!(h.at(60).claim(shorter).await.unwrap(), until(119));
    assert_eq!(h.details(id).await.leases[0].until, at(119));
    assert_eq!(h.reap(119).await.lost, 0);
    assert_eq!(h.reap(120).await.lost, 1);
}

/// They are no more leases than before.
pub async fn a_repeated_claim_needs_no_room(h: &Harness) {
    h.register(&["alice"], 0).await;
    for i in 0..3 {
        h.task(1, i).await;
    }
    let claim = |request, limit| claim_named("alice", request, limit).with_max_leases(2);
    let claimed = h.at(5).claim(claim("a", 2)).await.unwrap();
    let Claimed::Assigned(first) = claimed else {
        panic!("alice is registered: {claimed:?}");
    };
    assert_eq!(first.len(), 2);
    for limit in [2, 1, 0] {
        let again = h.at(5).claim(claim("a", limit)).await.unwrap();
        assert_eq!(again, Claimed::Repeated(first.clone()));
    }
    let other = h.at(5).claim(claim("b", 2)).await.unwrap();
    assert_eq!(
        other,
        Claimed::Assigned(Vec::new()),
        "the leases held count"
    );
}

/// So does a claim without one, also after a claim without one.
pub async fn another_request_id_gives_other_tasks(h: &Harness) {
    h.register(&["alice"], 0).await;
    let mut ids = Vec::new();
    for i in 0..4 {
        ids.push(h.task(1, i).await);
    }
    assert_eq!(claim_new(h, "alice", "a", 1, 5).await, [ids[0]]);
    assert_eq!(claim_new(h, "alice", "b", 1, 5).await, [ids[1]]);
    assert_eq!(h.claim("alice", 1, 5).await, [ids[2]]);
    assert_eq!(h.claim("alice", 1, 5).await, [ids[3]]);
    assert_eq!(claim_again(h, "alice", "b", 1, 6).await, [ids[1]]);
    assert_eq!(claim_again(h, "alice", "a", 1, 6).await, [ids[0]]);
}

/// There is nothing to give again, so that it is a claim like any other.
pub async fn a_request_id_claims_anew_once_its_leases_have_ended(h: &Harness) {
    h.register(&["alice"], 0).await;
    let submitted = h.task(2, 0).await;
    assert_eq!(claim_new(h, "alice", "a", 1, 1).await, [submitted]);
    h.submit(vote(submitted, "alice", "positive", 0.9), 1).await;
    let released = h.task(1, 1).await;
    assert_eq!(claim_new(h, "alice", "a", 1, 2).await, [released]);
    h.give_back("alice", &[released], 3).await;
    assert_eq!(claim_new(h, "alice", "a", 1, 3).await, [released]);
    h.reap(64).await;
    assert_eq!(h.get(released).await.attempts, 1);
    assert_eq!(claim_new(h, "alice", "a", 1, 65).await, [released]);
    assert_eq!(claim_again(h, "alice", "a", 1, 65).await, [released]);
}

/// And nothing in place of the others.
pub async fn a_repeated_claim_gives_what_is_left_of_its_leases(h: &Harness) {
    h.register(&["alice"], 0).await;
    let mut ids = Vec::new();
    for i in 0..5 {
        ids.push(h.task(2, i).await);
    }
    assert_eq!(claim_new(h, "alice", "a", 4, 5).await, ids[..4]);
    h.submit(vote(ids[1], "alice", "positive", 0.9), 6).await;
    h.give_back("alice", &[ids[2]], 6).await;
    assert_eq!(claim_again(h, "alice", "a", 4, 7).await, [ids[0], ids[3]]);
}

/// The answer under it would be late.
pub async fn a_repeated_claim_gives_no_grace_lease(h: &Harness) {
    let h = &two_agree(h);
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    assert_eq!(claim_new(h, "carole", "a", 1, 1).await, [id]);
    for name in ["alice", "bob"] {
        h.answer(name, "positive", 1).await;
    }
    let next = h.task(1, 2).await;
    assert_eq!(claim_new(h, "carole", "a", 1, 3).await, [next]);
}

/// Two workers, or two runs of one, may choose the same names.
pub async fn a_request_id_is_of_one_run_of_one_worker(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let mut ids = Vec::new();
    for i in 0..4 {
        ids.push(h.task(1, i).await);
    }
    assert_eq!(claim_new(h, "alice", "a", 1, 5).await, [ids[0]]);
    assert_eq!(claim_new(h, "bob", "a", 1, 5).await, [ids[1]]);
    // Leases that were claimed without an instance stand when the first one registers.
    h.register_instance("alice", "one", 6).await;
    assert_eq!(claim_new(h, "alice", "a", 1, 6).await, [ids[2]]);
    assert_eq!(claim_again(h, "alice", "a", 1, 6).await, [ids[2]]);
    h.register_instance("alice", "two", 7).await;
    assert_eq!(
        claim_new(h, "alice", "a", 1, 7).await,
        [ids[2]],
        "the lease was lost"
    );
    assert_eq!(h.get(ids[2]).await.attempts, 1);
}

/// Nothing has happened but that the worker was heard of.
pub async fn a_repeated_claim_is_not_logged(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.task(1, 0).await;
    claim_new(h, "alice", "a", 1, 1).await;
    let query = || EventQuery::after(EventId::START, 1_000);
    let before = h.store.events(query()).await.unwrap();
    claim_again(h, "alice", "a", 1, 30).await;
    assert_eq!(h.store.events(query()).await.unwrap(), before);
    assert_eq!(h.worker("alice").await.last_seen, at(30));
}

/// It holds nothing any more.
pub async fn a_suspended_worker_repeats_no_claim(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.task(1, 0).await;
    claim_new(h, "alice", "a", 1, 1).await;
    let ruling = Ruling::Suspend("spam".to_owned());
    let change = StandingChange::new(worker("alice"), ruling);
    h.at(2).set_standing(change).await.unwrap();
    let again = h.at(3).claim(claim_named("alice", "a", 1)).await.unwrap();
    assert_eq!(again, Claimed::Suspended("spam".to_owned()));
}

/// The first to run gets leases, and the others the same ones.
pub async fn racing_claims_of_one_request_id_are_one(h: &Harness) {
    h.register(&["alice"], 0).await;
    for i in 0..10 {
        h.task(1, i).await;
    }
    let claims = (0..6).map(|_| {
        let h = h.clone();
        async move { h.at(20).claim(claim_named("alice", "a", 2)).await.unwrap() }
    });
    let (mut new, mut again) = (Vec::new(), Vec::new());
    for claimed in race(claims.collect()).await {
        match claimed {
            Claimed::Assigned(leases) => new.push(leases),
            Claimed::Repeated(leases) => again.push(leases),
            other => panic!("alice is registered: {other:?}"),
        }
    }
    assert_eq!(again, vec![new[0].clone(); 5]);
    assert_eq!((new[0].len(), h.worker("alice").await.leases), (2, 2));
}
