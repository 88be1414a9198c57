//! How far workers are trusted.

use std::num::NonZeroU32;

use crate::conformance::desk::{Desk, LEASE, at, new_task, profile, task_type, vote, worker};
use crate::conformance::policies::{Agree, Half, PanicsLate};
use crate::consensus::{Policies, Standing, StandingCause, StandingPolicy, Standings, TrackRecord};
use crate::id::{PolicyName, TaskId, TaskType};
use crate::store::{
    Claim, Claimed, MarketStore, Ruling, StandingChange, StandingChanged, SubmitOutcome,
};
use crate::task::TaskStatus;

/// Suspends at so many disagreements that count, and watches from the first on.
#[derive(Debug)]
struct Strict(u64);

impl StandingPolicy for Strict {
    fn name(&self) -> PolicyName {
        PolicyName::new(format!("strict/1 {}", self.0)).unwrap()
    }

    fn assess(&self, record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        let reason = format!("{} wrong", record.judged().1);
        match record.judged().1.whole() {
            0 => Standing::Active,
            n if n >= self.0 => Standing::Suspended { reason },
            _ => Standing::Probation {
                max_leases: NonZeroU32::MIN,
                reason,
            },
        }
    }
}

/// Tells how many answers of the worker, and how many of its task type, are counted.
#[derive(Debug)]
struct Totals;

impl StandingPolicy for Totals {
    fn name(&self) -> PolicyName {
        PolicyName::new("totals/1").unwrap()
    }

    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing {
        Standing::Probation {
            max_leases: NonZeroU32::MIN,
            reason: format!("{} of {}", record.total(), prior.total()),
        }
    }
}

#[derive(Debug)]
struct Panics;

impl StandingPolicy for Panics {
    fn name(&self) -> PolicyName {
        PolicyName::new("panics/1").unwrap()
    }

    fn assess(&self, _record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        panic!("this policy always panics")
    }
}

fn strict(store: &dyn MarketStore, limit: u64) -> Desk<'_> {
    Desk::with_policies(store, Policies::default().with_standing(Strict(limit)))
}

async fn standings(store: &dyn MarketStore, name: &str) -> Standings {
    let known = store.worker(worker(name)).await.unwrap();
    known.expect("it registered").standings
}

async fn claim(store: &dyn MarketStore, name: &str, limit: usize, seconds: i64) -> Claimed {
    let claim = Claim::new(worker(name), LEASE, at(seconds)).with_limit(limit);
    store.claim(claim).await.unwrap()
}

/// Two honest workers decide a task that mallory answers wrongly.
async fn outvote(desk: &Desk<'_>, kind: TaskType, seconds: i64) -> TaskId {
    let task = new_task("a", 3, seconds)
        .with_task_type(kind)
        .with_priority(9);
    let id = desk.put(task, seconds).await;
    for (name, label) in [("mallory", "wrong"), ("alice", "right"), ("bob", "right")] {
        assert_eq!(
            desk.claim(name, 1, seconds).await,
            [id],
            "{name} gets it first"
        );
        desk.submit(vote(id, name, label, 0.9), seconds).await;
    }
    id
}

async fn register(desk: &Desk<'_>) {
    for name in ["alice", "bob", "mallory"] {
        let mut profile = profile(name);
        profile.capabilities.insert(task_type("ner"));
        desk.store.register(profile, at(0)).await.unwrap();
    }
}

/// It is told why, and the others go on.
pub async fn a_worker_that_always_disagrees_is_suspended(store: &dyn MarketStore) {
    let desk = strict(store, 3);
    register(&desk).await;
    for round in 1..4 {
        outvote(&desk, task_type("sentiment"), round).await;
    }
    let known = standings(store, "mallory").await;
    let entry = known.entry(Some(&task_type("sentiment"))).unwrap();
    let reason = "3 wrong".to_owned();
    assert_eq!(entry.standing, Standing::Suspended { reason });
    let name = PolicyName::new("strict/1 3").unwrap();
    assert_eq!(
        (&entry.cause, entry.since),
        (&StandingCause::Policy(name), at(3))
    );
    assert!(standings(store, "alice").await.is_empty());
    store.register(profile("mallory"), at(4)).await.unwrap();
    desk.task(3, 5).await;
    let refused = Claimed::Suspended("3 wrong".to_owned());
    assert_eq!(claim(store, "mallory", 1, 6).await, refused);
    assert_eq!(desk.claim("alice", 1, 6).await.len(), 1);
}

/// Others get it at once, it is no attempt, and the worker's answer is not taken any more.
pub async fn suspension_takes_what_the_worker_holds(store: &dyn MarketStore) {
    let desk = strict(store, 1);
    register(&desk).await;
    let held = desk.task(1, 0).await;
    let ner = desk
        .put(new_task("a", 1, 0).with_task_type(task_type("ner")), 0)
        .await;
    assert_eq!(desk.claim("mallory", 2, 1).await.len(), 2);
    let task = new_task("a", 3, 1).with_priority(9);
    let id = desk.put(task, 1).await;
    let mut freed = 0;
    for (name, label) in [("mallory", "wrong"), ("alice", "right"), ("bob", "right")] {
        desk.claim(name, 1, 2).await;
        let vote = vec![vote(id, name, label, 0.9)];
        let submitted = store.submit(vote, &desk.policies, at(2)).await.unwrap();
        freed += submitted.effects.freed().map(|(_, n)| n).sum::<u64>();
    }
    assert_eq!(freed, 1, "whoever waits hears of it");
    let task = desk.get(held).await;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 0));
    let outcome = desk.submit(vote(held, "mallory", "x", 0.9), 3).await;
    assert_eq!(outcome, SubmitOutcome::NotAssigned);
    assert_eq!(
        desk.get(ner).await.status(),
        TaskStatus::Assigned,
        "it is trusted with that"
    );
    assert_eq!(desk.claim("alice", 1, 4).await, [held]);
}

/// Its other model may be good.
pub async fn a_worker_suspended_for_one_type_does_the_others(store: &dyn MarketStore) {
    let desk = strict(store, 1);
    register(&desk).await;
    outvote(&desk, task_type("ner"), 1).await;
    let ner = desk
        .put(new_task("a", 1, 2).with_task_type(task_type("ner")), 2)
        .await;
    let sentiment = desk.task(1, 3).await;
    assert_eq!(desk.claim("mallory", 5, 4).await, [sentiment]);
    assert_eq!(desk.claim("alice", 5, 4).await, [ner]);
    let known = standings(store, "mallory").await;
    assert!(known.entry(Some(&task_type("sentiment"))).is_none());
}

/// It works, but holds few tasks at a time.
pub async fn probation_bounds_the_leases(store: &dyn MarketStore) {
    let desk = strict(store, 9);
    register(&desk).await;
    outvote(&desk, task_type("sentiment"), 1).await;
    let ids = [desk.task(1, 2).await, desk.task(1, 3).await];
    assert_eq!(desk.claim("mallory", 5, 4).await, ids[..1]);
    assert!(desk.claim("mallory", 5, 4).await.is_empty());
    desk.submit(vote(ids[0], "mallory", "x", 0.9), 5).await;
    assert_eq!(desk.claim("mallory", 5, 5).await, ids[1..]);
}

/// Alice and bob agree before mallory answers.
async fn late_answer_of_mallory(desk: &Desk<'_>) -> SubmitOutcome {
    register(desk).await;
    let id = desk.task(3, 0).await;
    for name in ["alice", "bob", "mallory"] {
        desk.claim(name, 1, 1).await;
    }
    for name in ["alice", "bob"] {
        desk.submit(vote(id, name, "right", 0.9), 2).await;
    }
    desk.submit(vote(id, "mallory", "wrong", 0.9), 3).await
}

/// What the policy learns of it, parts of one here, is added to the records of its worker and of
/// the task type.
pub async fn a_late_answer_adds_what_the_policy_learns(store: &dyn MarketStore) {
    let policies = Policies::new(Half).with_standing(Totals);
    let desk = Desk::with_policies(store, policies);
    let outcome = late_answer_of_mallory(&desk).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: true });
    let reason = async |name| {
        let known = standings(store, name).await;
        let entry = known.of(&TaskType::sentiment()).cloned();
        entry.unwrap().standing.reason().unwrap().to_owned()
    };
    assert_eq!(reason("bob").await, "0.5 of 1");
    assert_eq!(reason("mallory").await, "0.5 of 1.5");
}

/// It is kept, and nothing is learned of it.
pub async fn a_late_answer_stands_though_the_policy_panics(store: &dyn MarketStore) {
    let policies = Policies::new(PanicsLate).with_standing(Totals);
    let desk = Desk::with_policies(store, policies);
    let outcome = late_answer_of_mallory(&desk).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: true });
    assert_eq!(standings(store, "mallory").await, Standings::default());
}

/// Its record changes then, too.
pub async fn a_late_answer_is_judged_as_well(store: &dyn MarketStore) {
    let policies = Policies::new(Agree(2)).with_standing(Strict(1));
    let desk = Desk::with_policies(store, policies);
    late_answer_of_mallory(&desk).await;
    let known = standings(store, "mallory").await;
    assert!(
        known
            .of(&TaskType::sentiment())
            .unwrap()
            .standing
            .is_suspended()
    );
}

async fn rule(store: &dyn MarketStore, name: &str, ruling: Ruling, seconds: i64) {
    let change = StandingChange::new(worker(name), ruling, at(seconds));
    let changed = store.set_standing(change).await.unwrap();
    assert!(matches!(changed, StandingChanged::Done(_)));
}

/// No policy lifts it, and it takes what the worker holds.
pub async fn a_ruling_by_hand_stands(store: &dyn MarketStore) {
    let desk = strict(store, 9);
    register(&desk).await;
    let held = desk.task(2, 0).await;
    desk.claim("alice", 1, 1).await;
    let change = StandingChange::new(worker("alice"), Ruling::Suspend("spam".into()), at(2));
    let StandingChanged::Done(effects) = store.set_standing(change).await.unwrap() else {
        panic!("alice is known");
    };
    assert_eq!(effects.freed().map(|(_, n)| n).sum::<u64>(), 1);
    assert_eq!(
        claim(store, "alice", 1, 3).await,
        Claimed::Suspended("spam".to_owned())
    );
    store.register(profile("alice"), at(4)).await.unwrap();
    assert_eq!(
        claim(store, "alice", 1, 5).await,
        Claimed::Suspended("spam".to_owned())
    );
    assert_eq!(desk.get(held).await.attempts, 0);
    rule(store, "alice", Ruling::Reinstate, 6).await;
    assert_eq!(desk.claim("alice", 1, 7).await, [held]);
    assert!(standings(store, "alice").await.is_empty());
}

/// What it did before no longer speaks against it, and what it does now does.
pub async fn a_reinstated_worker_is_judged_anew(store: &dyn MarketStore) {
    let desk = strict(store, 2);
    register(&desk).await;
    for round in 1..3 {
        outvote(&desk, task_type("sentiment"), round).await;
    }
    let kind = task_type("sentiment");
    assert!(
        standings(store, "mallory")
            .await
            .of(&kind)
            .unwrap()
            .standing
            .is_suspended()
    );
    rule(store, "mallory", Ruling::Reinstate, 5).await;
    assert!(standings(store, "mallory").await.is_empty());
    outvote(&desk, kind.clone(), 6).await;
    let known = standings(store, "mallory").await;
    assert_eq!(known.of(&kind).unwrap().standing.reason(), Some("1 wrong"));
    assert!(!known.of(&kind).unwrap().standing.is_suspended());
    outvote(&desk, kind.clone(), 7).await;
    assert!(
        standings(store, "mallory")
            .await
            .of(&kind)
            .unwrap()
            .standing
            .is_suspended()
    );
}

/// Only what was asked for is lifted.
pub async fn reinstating_for_one_type_leaves_the_others(store: &dyn MarketStore) {
    let desk = strict(store, 1);
    register(&desk).await;
    outvote(&desk, task_type("sentiment"), 1).await;
    outvote(&desk, task_type("ner"), 2).await;
    let change = StandingChange::new(worker("mallory"), Ruling::Reinstate, at(3));
    store
        .set_standing(change.with_task_type(task_type("ner")))
        .await
        .unwrap();
    let known = standings(store, "mallory").await;
    assert!(known.of(&task_type("ner")).is_none());
    assert!(known.of(&task_type("sentiment")).is_some());
}

/// There is nobody to suspend.
pub async fn nobody_rules_on_an_unknown_worker(store: &dyn MarketStore) {
    for ruling in [Ruling::Suspend("why".to_owned()), Ruling::Reinstate] {
        let change = StandingChange::new(worker("nobody"), ruling, at(1));
        let changed = store.set_standing(change).await.unwrap();
        assert_eq!(changed, StandingChanged::UnknownWorker);
    }
}

/// The vote counts, the task closes, and nobody's standing changes.
pub async fn a_panicking_standing_policy_changes_nothing(store: &dyn MarketStore) {
    let desk = Desk::with_policies(store, Policies::default().with_standing(Panics));
    register(&desk).await;
    let id = outvote(&desk, task_type("sentiment"), 1).await;
    assert_eq!(desk.get(id).await.status(), TaskStatus::Finalized);
    assert!(standings(store, "mallory").await.is_empty());
}
