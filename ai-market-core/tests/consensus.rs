//! What holds of the majority, and of every policy behind `decide`, whatever the votes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::{
    Ballot, Consensus, ConsensusPolicy, Decision, FractionalCount, MajorityVote, RecordChange,
    Reward, TrackRecord, Updates, Verdict, decide, learn_late,
};
use ai_market_core::id::{Label, PolicyName, TaskId, WorkerId};
use ai_market_core::submission::{Submission, Vote};
use ai_market_core::task::{NewTask, Task};
use ai_market_core::time::Timestamp;
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000_000_000;

fn task(wanted: u32, max: u32) -> Task {
    let now = Timestamp::from_micros(NOW);
    let n = |n| NonZeroU32::new(n).unwrap();
    let new = NewTask::new(TaskId::generate(now), "a")
        .with_required_submissions(n(wanted))
        .with_max_submissions(n(max));
    Task::create(new, now)
}

fn votes(task: &Task, given: &[(u8, f64)]) -> Vec<Submission> {
    let vote = |(i, (label, confidence)): (usize, &(u8, f64))| {
        let worker = WorkerId::new(format!("w{i}")).unwrap();
        let label = Label::new(format!("l{label}")).unwrap();
        let vote = Vote::new(
            task.id,
            worker,
            label,
            Confidence::new(*confidence).unwrap(),
        );
        Submission::accept(vote, None, Timestamp::from_micros(NOW), false)
    };
    given.iter().enumerate().map(vote).collect()
}

fn decided(
    policy: &dyn ConsensusPolicy,
    task: &Task,
    votes: &[Submission],
    closing: bool,
) -> Decision {
    let mut task = task.clone();
    task.submission_count = votes.len() as u32;
    let records = vec![TrackRecord::default(); votes.len()];
    let prior = TrackRecord::default();
    let now = Timestamp::from_micros(NOW);
    decide(
        policy,
        &Ballot::new(&task, votes, &records, &prior, now),
        closing,
    )
}

/// The rule of the majority, told another way: sort the labels.
fn winner(given: &[(u8, f64)]) -> u8 {
    let mut tally: BTreeMap<u8, (usize, f64, usize)> = BTreeMap::new();
    for (place, (label, confidence)) in given.iter().enumerate() {
        let entry = tally.entry(*label).or_insert((0, 0.0, place));
        entry.0 += 1;
        entry.1 += confidence;
    }
    let mut labels: Vec<_> = tally.into_iter().collect();
    labels.sort_by(|(_, a), (_, b)| {
        let mean = |t: &(usize, f64, usize)| t.1 / t.0 as f64;
        b.0.cmp(&a.0)
            .then(mean(b).total_cmp(&mean(a)))
            .then(a.2.cmp(&b.2))
    });
    labels[0].0
}

fn ballots() -> impl Strategy<Value = Vec<(u8, f64)>> {
    // Few labels and few confidences, so that ties are common.
    let confidence = prop_oneof![Just(0.5), Just(0.75), 0.0..=1.0];
    prop::collection::vec((0_u8..4, confidence), 1..9)
}

/// Sums of floats would differ by rounding.
#[test]
fn equal_means_are_a_tie_in_whatever_order_they_came() {
    let (rising, falling, even) = ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2; 3]);
    let orders = [rising, falling, even];
    for first in orders {
        for second in orders {
            let first = first.map(|confidence| (1, confidence));
            let second = second.map(|confidence| (0, confidence));
            let task = task(6, 6);
            let votes = votes(&task, &[first, second].concat());
            let decision = decided(&MajorityVote, &task, &votes, false);
            let Decision::Finalize { consensus, .. } = decision else {
                panic!("all required votes are in");
            };
            assert_eq!(consensus.label.as_str(), "l1", "{first:?} {second:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_majority_wins_and_is_paid_once(given in ballots()) {
        let n = given.len() as u32;
        let task = task(n, n);
        let votes = votes(&task, &given);
        let Decision::Finalize { consensus, rewards, updates, .. } =
            decided(&MajorityVote, &task, &votes, false)
        else {
            return Err(TestCaseError::fail("all required votes are in"));
        };
        let expected = format!("l{}", winner(&given));
        prop_assert_eq!(consensus.label.as_str(), &expected);
        let right: Vec<_> = votes.iter().filter(|v| v.label.as_str() == expected).collect();
        let share = right.len() as f64 / votes.len() as f64;
        prop_assert!((consensus.agreement.get() - share).abs() < 1e-12);
        let paid: Vec<_> = rewards.iter().map(|reward| (&reward.worker, reward.points)).collect();
        let owed: Vec<_> = right.iter().map(|vote| (&vote.worker, 1)).collect();
        prop_assert_eq!(paid, owed);
        prop_assert_eq!(updates.records.len(), votes.len());
        let mut prior = TrackRecord::default();
        updates.prior.iter().for_each(|change| prior.apply(change));
        prop_assert_eq!(prior.agreements, FractionalCount::from_whole(right.len() as u64));
        prop_assert_eq!(prior.total(), FractionalCount::from_whole(votes.len() as u64));
    }

    #[test]
    fn nothing_is_decided_before_the_required_votes_are_in(given in ballots(), more in 1_u32..5) {
        let n = given.len() as u32 + more;
        let task = task(n, n);
        let votes = votes(&task, &given);
        prop_assert_eq!(decided(&MajorityVote, &task, &votes, false), Decision::Pending);
        let closed = decided(&MajorityVote, &task, &votes, true);
        let is_finalized = matches!(closed, Decision::Finalize { .. });
        prop_assert!(is_finalized, "a deadline decides on what is there");
    }

    #[test]
    fn a_policy_cannot_ask_for_more_than_the_limit(
        given in ballots(),
        ask in 1_u32..100,
        room in 0_u32..5,
    ) {
        let n = given.len() as u32;
        let task = task(n, n + room);
        let votes = votes(&task, &given);
        match decided(&Greedy(ask), &task, &votes, false) {
            Decision::Extend { wanted } => {
                prop_assert!(room > 0);
                prop_assert_eq!(wanted, (n + ask).min(n + room));
            }
            Decision::Fail(reason) => {
                prop_assert_eq!(room, 0);
                prop_assert!(reason.contains("greedy/1"), "{}", reason);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Always wants more, and never concludes.
#[derive(Debug)]
struct Greedy(u32);

impl ConsensusPolicy for Greedy {
    fn name(&self) -> PolicyName {
        PolicyName::new("greedy/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, _ballot: &Ballot<'_>) -> Verdict {
        Verdict::Extend(NonZeroU32::new(self.0).unwrap())
    }

    fn conclude(&self, _ballot: &Ballot<'_>) -> Verdict {
        Verdict::Pending
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

/// Pays somebody who did not vote.
#[derive(Debug)]
struct Corrupt;

impl ConsensusPolicy for Corrupt {
    fn name(&self) -> PolicyName {
        PolicyName::new("corrupt/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        let label = &ballot.votes[0].label;
        Verdict::Finalize {
            consensus: Consensus::new(label.clone(), Confidence::ONE),
            rewards: vec![Reward::new(WorkerId::new("stranger").unwrap(), 9)],
            updates: self.learn(ballot, label),
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        self.evaluate(ballot)
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        assert_ne!(label.as_str(), "panic");
        let mut updates = Updates::observe(ballot, label);
        let stranger = WorkerId::new("stranger").unwrap();
        updates.records.push((stranger, RecordChange::new()));
        updates
    }
}

#[test]
fn only_voters_are_paid_and_recorded() {
    let task = task(1, 1);
    let votes = votes(&task, &[(1, 0.5)]);
    let Decision::Finalize {
        rewards, updates, ..
    } = decided(&Corrupt, &task, &votes, false)
    else {
        unreachable!("the policy always finalizes");
    };
    assert!(rewards.is_empty());
    assert_eq!(updates.records.len(), 1);
}

fn learned_late(task: &Task, votes: &[Submission], label: &str) -> Updates {
    let (records, prior) = ([TrackRecord::default()], TrackRecord::default());
    let ballot = Ballot::new(task, votes, &records, &prior, Timestamp::from_micros(NOW));
    learn_late(&Corrupt, &ballot, &Label::new(label).unwrap())
}

#[test]
fn a_late_answer_is_learned_for_its_worker_and_the_task_type() {
    let task = task(1, 1);
    let votes = votes(&task, &[(1, 0.5)]);
    let updates = learned_late(&task, &votes, "l2");
    let [(worker, change)] = &updates.records[..] else {
        panic!("only voters are recorded: {updates:?}");
    };
    assert_eq!(*worker, votes[0].worker);
    assert_eq!(change.disagreements, FractionalCount::ONE);
    assert_eq!(updates.prior, std::slice::from_ref(change));
}

#[test]
fn a_policy_that_panics_learns_nothing() {
    let task = task(1, 1);
    let votes = votes(&task, &[(1, 0.5)]);
    assert_eq!(learned_late(&task, &votes, "panic"), Updates::default());
}

#[test]
fn a_panic_fails_the_task_and_names_the_policy() {
    let task = task(1, 1);
    // `Corrupt` looks at the first vote of an empty ballot.
    let decision = decided(&Corrupt, &task, &[], true);
    assert_eq!(
        decision,
        Decision::Fail("the consensus policy corrupt/1 panicked".to_owned())
    );
}
