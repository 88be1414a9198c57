//! How far workers are trusted.

use std::num::NonZeroU32;

use crate::conformance::harness::{Harness, LEASE, at, new_task, profile, task_type, vote, worker};
use crate::conformance::policies::{Agree, Half, PanicsLate};
use crate::consensus::{Policies, Standing, StandingCause, StandingPolicy, Standings, TrackRecord};
use crate::id::{PolicyName, TaskId, TaskType};
use crate::market::{Claim, Claimed, Ruling, StandingChange, StandingChanged, SubmitOutcome};
use crate::store::Transaction;
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

fn strict(h: &Harness, limit: u64) -> Harness {
    h.with_policies(Policies::default().with_standing(Strict(limit)))
}

async fn standings(h: &Harness, name: &str) -> Standings {
    let known = h.store.worker(worker(name)).await.unwrap();
    known.expect("it registered").standings
}

/// Why a worker's standing for sentiment is what it is.
async fn reason(h: &Harness, name: &str) -> String {
    let known = standings(h, name).await;
    let entry = known.of(&TaskType::sentiment()).expect("it was judged");
    let reason = entry.standing.reason();
    reason.expect("the standing has a reason").to_owned()
}

async fn claim(h: &Harness, name: &str, limit: usize, seconds: i64) -> Claimed {
    let claim = Claim::new(worker(name), LEASE).with_limit(limit);
    h.at(seconds).claim(claim).await.unwrap()
}

/// Two honest workers decide a task that mallory answers wrongly.
async fn outvote(h: &Harness, kind: TaskType, seconds: i64) -> TaskId {
    let task = new_task("a", 3, seconds)
        .with_task_type(kind)
        .with_priority(9);
    let id = h.put(task, seconds).await;
    for (name, label) in [("mallory", "wrong"), ("alice", "right"), ("bob", "right")] {
        assert_eq!(
            h.claim(name, 1, seconds).await,
            [id],
            "{name} gets it first"
        );
        h.submit(vote(id, name, label, 0.9), seconds).await;
    }
    id
}

async fn register(h: &Harness) {
    for name in ["alice", "bob", "mallory"] {
        let mut profile = profile(name);
        profile.capabilities.insert(task_type("ner"));
        h.at(0).register(profile).await.unwrap();
    }
}

/// It is told why, and the others go on.
pub async fn a_worker_that_always_disagrees_is_suspended(h: &Harness) {
    let h = &strict(h, 3);
    register(h).await;
    for round in 1..4 {
        outvote(h, task_type("sentiment"), round).await;
    }
    let known = standings(h, "mallory").await;
    let entry = known.entry(Some(&task_type("sentiment"))).unwrap();
    let reason = "3 wrong".to_owned();
    assert_eq!(entry.standing, Standing::Suspended { reason });
    let name = PolicyName::new("strict/1 3").unwrap();
    assert_eq!(
        (&entry.cause, entry.since),
        (&StandingCause::Policy(name), at(3))
    );
    assert!(standings(h, "alice").await.is_empty());
    h.at(4).register(profile("mallory")).await.unwrap();
    h.task(3, 5).await;
    let refused = Claimed::Suspended("3 wrong".to_owned());
    assert_eq!(claim(h, "mallory", 1, 6).await, refused);
    assert_eq!(h.claim("alice", 1, 6).await.len(), 1);
}

/// Others get it at once, it is no attempt, and the worker's answer is not taken any more.
pub async fn suspension_takes_what_the_worker_holds(h: &Harness) {
    let h = &strict(h, 1);
    register(h).await;
    let held = h.task(1, 0).await;
    let ner = h
        .put(new_task("a", 1, 0).with_task_type(task_type("ner")), 0)
        .await;
    assert_eq!(h.claim("mallory", 2, 1).await.len(), 2);
    let task = new_task("a", 3, 1).with_priority(9);
    let id = h.put(task, 1).await;
    let mut freed = 0;
    for (name, label) in [("mallory", "wrong"), ("alice", "right"), ("bob", "right")] {
        h.claim(name, 1, 2).await;
        let vote = vec![vote(id, name, label, 0.9)];
        let submitted = h.at(2).submit(vote).await.unwrap();
        freed += submitted.effects.freed().map(|(_, n)| n).sum::<u64>();
    }
    assert_eq!(freed, 1, "whoever waits hears of it");
    let task = h.get(held).await;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 0));
    let outcome = h.submit(vote(held, "mallory", "x", 0.9), 3).await;
    assert_eq!(outcome, SubmitOutcome::NotAssigned);
    assert_eq!(
        h.get(ner).await.status(),
        TaskStatus::Assigned,
        "it is trusted with that"
    );
    assert_eq!(h.claim("alice", 1, 4).await, [held]);
}

/// Its other model may be good.
pub async fn a_worker_suspended_for_one_type_does_the_others(h: &Harness) {
    let h = &strict(h, 1);
    register(h).await;
    outvote(h, task_type("ner"), 1).await;
    let ner = h
        .put(new_task("a", 1, 2).with_task_type(task_type("ner")), 2)
        .await;
    let sentiment = h.task(1, 3).await;
    assert_eq!(h.claim("mallory", 5, 4).await, [sentiment]);
    assert_eq!(h.claim("alice", 5, 4).await, [ner]);
    let known = standings(h, "mallory").await;
    assert!(known.entry(Some(&task_type("sentiment"))).is_none());
}

/// It works, but holds few tasks at a time.
pub async fn probation_bounds_the_leases(h: &Harness) {
    let h = &strict(h, 9);
    register(h).await;
    outvote(h, task_type("sentiment"), 1).await;
    let ids = [h.task(1, 2).await, h.task(1, 3).await];
    assert_eq!(h.claim("mallory", 5, 4).await, ids[..1]);
    assert!(h.claim("mallory", 5, 4).await.is_empty());
    h.submit(vote(ids[0], "mallory", "x", 0.9), 5).await;
    assert_eq!(h.claim("mallory", 5, 5).await, ids[1..]);
}

/// Alice and bob agree before mallory answers.
async fn late_answer_of_mallory(h: &Harness) -> SubmitOutcome {
    register(h).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "mallory"] {
        h.claim(name, 1, 1).await;
    }
    for name in ["alice", "bob"] {
        h.submit(vote(id, name, "right", 0.9), 2).await;
    }
    h.submit(vote(id, "mallory", "wrong", 0.9), 3).await
}

/// What the policy learns of it, parts of one here, is added to the records of its worker and of
/// the task type.
pub async fn a_late_answer_adds_what_the_policy_learns(h: &Harness) {
    let policies = Policies::new(Half).with_standing(Totals);
    let h = &h.with_policies(policies);
    let outcome = late_answer_of_mallory(h).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: true });
    assert_eq!(reason(h, "bob").await, "0.5 of 1");
    assert_eq!(reason(h, "mallory").await, "0.5 of 1.5");
}

/// How many answers of a worker, and how many of sentiment as a whole, are counted.
pub(super) async fn counted(h: &Harness, name: &str) -> [String; 2] {
    let (of, worker) = (TaskType::sentiment(), worker(name));
    let read =
        move |tx: &mut dyn Transaction| Ok([tx.record(&of, Some(&worker))?, tx.record(&of, None)?]);
    let records = h.run(read).await;
    records.map(|record| record.total().to_string())
}

/// What each decision and each late answer added is there at the next one.
pub async fn what_a_policy_learns_adds_up(h: &Harness) {
    let h = &h.with_policies(Policies::new(Half));
    late_answer_of_mallory(h).await;
    assert_eq!(counted(h, "mallory").await, ["0.5", "1.5"]);
    let id = h.task(3, 4).await;
    for name in ["alice", "bob", "mallory"] {
        assert_eq!(h.claim(name, 1, 4).await, [id]);
    }
    for name in ["alice", "bob"] {
        h.submit(vote(id, name, "right", 0.9), 5).await;
    }
    for name in ["alice", "bob"] {
        assert_eq!(counted(h, name).await, ["1", "2.5"], "{name}");
    }
    h.submit(vote(id, "mallory", "right", 0.9), 6).await;
    assert_eq!(counted(h, "mallory").await, ["1", "3"]);
}

/// It is kept, and nothing is learned of it.
pub async fn a_late_answer_stands_though_the_policy_panics(h: &Harness) {
    let policies = Policies::new(PanicsLate).with_standing(Totals);
    let h = &h.with_policies(policies);
    let outcome = late_answer_of_mallory(h).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: true });
    assert_eq!(standings(h, "mallory").await, Standings::default());
}

/// Its record changes then, too.
pub async fn a_late_answer_is_judged_as_well(h: &Harness) {
    let policies = Policies::new(Agree(2)).with_standing(Strict(1));
    let h = &h.with_policies(policies);
    late_answer_of_mallory(h).await;
    let known = standings(h, "mallory").await;
    assert!(
        known
            .of(&TaskType::sentiment())
            .unwrap()
            .standing
            .is_suspended()
    );
}

async fn rule(h: &Harness, name: &str, ruling: Ruling, seconds: i64) {
    let change = StandingChange::new(worker(name), ruling);
    let changed = h.at(seconds).set_standing(change).await.unwrap();
    assert!(matches!(changed, StandingChanged::Done(_)));
}

/// No policy lifts it, and it takes what the worker holds.
pub async fn a_ruling_by_hand_stands(h: &Harness) {
    let h = &strict(h, 9);
    register(h).await;
    let held = h.task(2, 0).await;
    h.claim("alice", 1, 1).await;
    let change = StandingChange::new(worker("alice"), Ruling::Suspend("spam".into()));
    let StandingChanged::Done(effects) = h.at(2).set_standing(change).await.unwrap() else {
        panic!("alice is known");
    };
    assert_eq!(effects.freed().map(|(_, n)| n).sum::<u64>(), 1);
    assert_eq!(
        claim(h, "alice", 1, 3).await,
        Claimed::Suspended("spam".to_owned())
    );
    h.at(4).register(profile("alice")).await.unwrap();
    assert_eq!(
        claim(h, "alice", 1, 5).await,
        Claimed::Suspended("spam".to_owned())
    );
    assert_eq!(h.get(held).await.attempts, 0);
    rule(h, "alice", Ruling::Reinstate, 6).await;
    assert_eq!(h.claim("alice", 1, 7).await, [held]);
    assert!(standings(h, "alice").await.is_empty());
}

/// What it did before no longer speaks against it, and what it does now does.
pub async fn a_reinstated_worker_is_judged_anew(h: &Harness) {
    let h = &strict(h, 2);
    register(h).await;
    for round in 1..3 {
        outvote(h, task_type("sentiment"), round).await;
    }
    let kind = task_type("sentiment");
    assert!(
        standings(h, "mallory")
            .await
            .of(&kind)
            .unwrap()
            .standing
            .is_suspended()
    );
    rule(h, "mallory", Ruling::Reinstate, 5).await;
    assert!(standings(h, "mallory").await.is_empty());
    outvote(h, kind.clone(), 6).await;
    let known = standings(h, "mallory").await;
    assert_eq!(known.of(&kind).unwrap().standing.reason(), Some("1 wrong"));
    assert!(!known.of(&kind).unwrap().standing.is_suspended());
    outvote(h, kind.clone(), 7).await;
    assert!(
        standings(h, "mallory")
            .await
            .of(&kind)
            .unwrap()
            .standing
            .is_suspended()
    );
}

/// Only what was asked for is lifted.
pub async fn reinstating_for_one_type_leaves_the_others(h: &Harness) {
    let h = &strict(h, 1);
    register(h).await;
    outvote(h, task_type("sentiment"), 1).await;
    outvote(h, task_type("ner"), 2).await;
    let change = StandingChange::new(worker("mallory"), Ruling::Reinstate);
    h.at(3)
        .set_standing(change.with_task_type(task_type("ner")))
        .await
        .unwrap();
    let known = standings(h, "mallory").await;
    assert!(known.of(&task_type("ner")).is_none());
    assert!(known.of(&task_type("sentiment")).is_some());
}

/// There is nobody to suspend.
pub async fn nobody_rules_on_an_unknown_worker(h: &Harness) {
    for ruling in [Ruling::Suspend("why".to_owned()), Ruling::Reinstate] {
        let change = StandingChange::new(worker("nobody"), ruling);
        let changed = h.at(1).set_standing(change).await.unwrap();
        assert_eq!(changed, StandingChanged::UnknownWorker);
    }
}

/// The vote counts, the task closes, and nobody's standing changes.
pub async fn a_panicking_standing_policy_changes_nothing(h: &Harness) {
    let h = &h.with_policies(Policies::default().with_standing(Panics));
    register(h).await;
    let id = outvote(h, task_type("sentiment"), 1).await;
    assert_eq!(h.get(id).await.status(), TaskStatus::Finalized);
    assert!(standings(h, "mallory").await.is_empty());
}
