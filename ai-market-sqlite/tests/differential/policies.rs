//! Policies under which little is needed for much to happen.

use std::num::NonZeroU32;

use ai_market_core::consensus::{
    Ballot, ConsensusPolicy, FractionalCount, MajorityVote, Normalized, Policies, RecordChange,
    Standing, StandingPolicy, TrackRecord, Updates, Verdict,
};
use ai_market_core::id::{Label, PolicyName};

use crate::{number, task_type};

/// Two equal votes decide; one more is asked for as long as there are none, then the majority. A
/// vote counts as much as it is confident.
#[derive(Debug)]
struct TwoAgree;

impl ConsensusPolicy for TwoAgree {
    fn name(&self) -> PolicyName {
        PolicyName::new("two-agree/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        let agree = |label: &Label| ballot.votes.iter().filter(|v| v.label == *label).count();
        if ballot.votes.iter().any(|vote| agree(&vote.label) >= 2) {
            self.by_majority(ballot)
        } else if ballot.votes.len() >= ballot.task.wanted as usize {
            Verdict::Extend(NonZeroU32::MIN)
        } else {
            Verdict::Pending
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        let agreements = ballot.records.iter().map(|record| record.agreements);
        let agreements = agreements.fold(FractionalCount::ZERO, FractionalCount::saturating_add);
        if agreements.whole().is_multiple_of(2) {
            self.by_majority(ballot)
        } else {
            Verdict::Fail("the voters agreed an odd number of times so far".repeat(20))
        }
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        let mut updates = Updates::default();
        for vote in ballot.votes {
            let mut change = RecordChange::observe(ballot.comparator, label, &vote.label);
            let weight = FractionalCount::from_fraction(vote.confidence.get());
            if change.agreements.is_zero() {
                change.disagreements = weight;
            } else {
                change.agreements = weight;
            }
            change.cells.iter_mut().for_each(|(_, _, n)| *n = weight);
            updates.prior.push(change.clone());
            updates.records.push((vote.worker.clone(), change));
        }
        updates
    }
}

impl TwoAgree {
    fn by_majority(&self, ballot: &Ballot<'_>) -> Verdict {
        let mut verdict = MajorityVote.conclude(ballot);
        if let Verdict::Finalize {
            consensus, updates, ..
        } = &mut verdict
        {
            *updates = self.learn(ballot, &consensus.label);
        }
        verdict
    }
}

/// Watches from the first disagreement on, however little it counts, and suspends from three on.
#[derive(Debug)]
struct Strict;

impl StandingPolicy for Strict {
    fn name(&self) -> PolicyName {
        PolicyName::new("strict/1").unwrap()
    }

    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing {
        let reason = format!("{:?} of {}", record.judged(), prior.total());
        let disagreements = record.judged().1;
        if disagreements.is_zero() {
            Standing::Active
        } else if disagreements < FractionalCount::from_whole(3) {
            Standing::Probation {
                max_leases: number(2),
                reason,
            }
        } else {
            Standing::Suspended { reason }
        }
    }
}

pub(crate) fn policies() -> Policies {
    Policies::default()
        .with(task_type(1), TwoAgree)
        .with_comparator(task_type(1), Normalized)
        .with_standing(Strict)
}
