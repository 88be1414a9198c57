//! Grace leases: a lease that stood when its task was finalized lets a late answer in until it runs
//! out, and counts for nothing else.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, vote, worker};
use crate::conformance::policies::Agree;
use crate::consensus::Policies;
use crate::event::EventId;
use crate::id::TaskId;
use crate::market::{Claim, Claimed, LeaseScope, Reap, Renewed, SubmitOutcome};
use crate::store::EventQuery;

/// A market that finalizes a task as soon as two votes agree.
pub(super) fn two_agree(h: &Harness) -> Harness {
    h.with_policies(Policies::new(Agree(2)))
}

/// A task that alice and bob decide at 2 while carole holds it, as she does from 1 to 61.
pub(super) async fn decided_without_carole(h: &Harness) -> TaskId {
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        h.claim(name, 1, 1).await;
    }
    for name in ["alice", "bob"] {
        h.submit(vote(id, name, "positive", 0.9), 2).await;
    }
    id
}

async fn late_answer(h: &Harness, id: TaskId, seconds: i64) -> SubmitOutcome {
    h.submit(vote(id, "carole", "negative", 0.9), seconds).await
}

/// Its worker may hold as many other leases as if it had none.
pub async fn rule_6_a_grace_lease_takes_no_place(h: &Harness) {
    let h = &two_agree(h);
    decided_without_carole(h).await;
    assert_eq!(h.worker("carole").await.leases, 0);
    let next = h.task(3, 3).await;
    let claim = Claim::new(worker("carole"), LEASE).with_max_leases(1);
    let claimed = h.at(4).claim(claim).await.unwrap();
    let Claimed::Assigned(claimed) = claimed else {
        panic!("carole is registered: {claimed:?}");
    };
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].task, next);
    assert_eq!(h.worker("carole").await.leases, 1);
}

/// A heartbeat that names the task learns that it is gone.
pub async fn rule_5_a_grace_lease_is_gone_and_not_renewed(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    let gone = |gone| Renewed::Renewed { gone };
    let bare = h.renew("carole", LeaseScope::AllOf, 50).await;
    assert_eq!(bare, gone(vec![]));
    let named = h.renew("carole", LeaseScope::Named(vec![id]), 51).await;
    assert_eq!(named, gone(vec![id]));
    let late = late_answer(h, id, 62).await;
    assert_eq!(late, SubmitOutcome::Closed { kept: false });
}

/// Its end costs the task nothing and is no event.
pub async fn rule_6_a_grace_lease_that_runs_out_is_not_lost(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    let all = || h.store.events(EventQuery::after(EventId::START, 1_000));
    let events = all().await.unwrap();
    let reaped = h.reap(62).await;
    assert_eq!((reaped.lost, reaped.more), (0, false));
    assert_eq!(h.get(id).await.attempts, 0);
    assert_eq!(all().await.unwrap(), events);
    let late = late_answer(h, id, 62).await;
    assert_eq!(late, SubmitOutcome::Closed { kept: false });
}

/// The late answer could not be taken while the coordinator was down.
pub async fn rule_6_time_in_which_nobody_served_extends_a_grace_lease(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    let reap = || Reap::new(100, Duration::from_secs(5));
    h.at(3).reap(reap()).await.unwrap();
    h.at(1_003).reap(reap()).await.unwrap();
    let late = late_answer(h, id, 1_061).await;
    assert_eq!(late, SubmitOutcome::Closed { kept: true });
}

/// The task is not open, so there is nothing to give back.
pub async fn releasing_a_grace_lease_is_passed_over(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    assert_eq!(h.give_back("carole", &[id], 3).await.released, 0);
    assert_eq!(h.fail("carole", id, "broken", 4).await.released, 0);
    assert_eq!(h.get(id).await.attempts, 0);
    let late = late_answer(h, id, 61).await;
    assert_eq!(late, SubmitOutcome::Closed { kept: true });
}
