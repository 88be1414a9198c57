//! Policies under which little is needed for much to happen.

use std::num::NonZeroU32;

use super::words::task_type;
use crate::conformance::harness::number;
use crate::consensus::{
    Ballot, ConsensusPolicy, MajorityVote, Normalized, Policies, Standing, StandingPolicy,
    TrackRecord, Updates, Verdict,
};
use crate::id::{Label, PolicyName};

/// Two equal votes decide; one more is asked for as long as there are none, then the majority.
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
            MajorityVote.conclude(ballot)
        } else if ballot.votes.len() >= ballot.task.wanted as usize {
            Verdict::Extend(NonZeroU32::MIN)
        } else {
            Verdict::Pending
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        let agreements = ballot
            .records
            .iter()
            .map(|record| record.agreements.whole());
        if agreements.sum::<u64>().is_multiple_of(2) {
            MajorityVote.conclude(ballot)
        } else {
            Verdict::Fail("the voters agreed an odd number of times so far".repeat(20))
        }
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

/// Watches from the first disagreement on, and suspends at the third.
#[derive(Debug)]
struct Strict;

impl StandingPolicy for Strict {
    fn name(&self) -> PolicyName {
        PolicyName::new("strict/1").unwrap()
    }

    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing {
        let reason = format!("{:?} of {}", record.judged(), prior.total());
        match record.judged().1.whole() {
            0 => Standing::Active,
            1 | 2 => Standing::Probation {
                max_leases: number(2),
                reason,
            },
            _ => Standing::Suspended { reason },
        }
    }
}

/// The majority decides tasks of type 0, and two equal votes those of type 1.
pub(super) fn policies() -> Policies {
    Policies::default()
        .with(task_type(1), TwoAgree)
        .with_comparator(task_type(1), Normalized)
        .with_standing(Strict)
}
