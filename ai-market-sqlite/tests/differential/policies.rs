//! Policies under which little is needed for much to happen.

use std::num::NonZeroU32;

use ai_market_core::consensus::{
    Ballot, ConsensusPolicy, MajorityVote, Normalized, Policies, Standing, StandingPolicy,
    TrackRecord, Verdict,
};
use ai_market_core::id::{Label, PolicyName};

use crate::{number, task_type};

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
        let agreements = ballot.records.iter().map(|record| record.agreements);
        if agreements.sum::<u64>() % 2 == 0 {
            MajorityVote.conclude(ballot)
        } else {
            Verdict::Fail("the voters agreed an odd number of times so far".repeat(20))
        }
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
        match record.judged().1 {
            0 => Standing::Active,
            1 | 2 => Standing::Probation {
                max_leases: number(2),
                reason,
            },
            _ => Standing::Suspended { reason },
        }
    }
}

pub(crate) fn policies() -> Policies {
    Policies::default()
        .with(task_type(1), TwoAgree)
        .with_comparator(task_type(1), Normalized)
        .with_standing(Strict)
}
