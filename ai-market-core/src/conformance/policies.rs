//! Policies that behave in ways that a store must bear.

use std::num::NonZeroU32;

use crate::consensus::{Ballot, ConsensusPolicy, MajorityVote, Verdict};
use crate::id::PolicyName;

/// Decides as soon as this many votes agree; else asks for one more, as often as it may.
#[derive(Debug)]
pub(super) struct Agree(pub(super) u32);

impl ConsensusPolicy for Agree {
    fn name(&self) -> PolicyName {
        PolicyName::new(format!("agree-{}/1", self.0)).unwrap()
    }

    fn wanted(&self, _required: NonZeroU32) -> NonZeroU32 {
        NonZeroU32::new(self.0).unwrap()
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        let agree = |label: &crate::id::Label| {
            ballot
                .votes
                .iter()
                .filter(|vote| vote.label == *label)
                .count()
        };
        if ballot
            .votes
            .iter()
            .any(|vote| agree(&vote.label) >= self.0 as usize)
        {
            MajorityVote.conclude(ballot)
        } else if ballot.votes.len() < ballot.task.wanted as usize {
            Verdict::Pending
        } else {
            Verdict::Extend(NonZeroU32::MIN)
        }
    }

    fn conclude(&self, _ballot: &Ballot<'_>) -> Verdict {
        Verdict::Fail("the votes do not agree".to_owned())
    }
}

/// Waits for ever, and decides by majority when it must.
#[derive(Debug)]
pub(super) struct Undecided;

impl ConsensusPolicy for Undecided {
    fn name(&self) -> PolicyName {
        PolicyName::new("undecided/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, _ballot: &Ballot<'_>) -> Verdict {
        Verdict::Pending
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        MajorityVote.conclude(ballot)
    }
}

/// Panics at every vote.
#[derive(Debug)]
pub(super) struct Panics;

impl ConsensusPolicy for Panics {
    fn name(&self) -> PolicyName {
        PolicyName::new("panics/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, _ballot: &Ballot<'_>) -> Verdict {
        panic!("this policy always panics")
    }

    fn conclude(&self, _ballot: &Ballot<'_>) -> Verdict {
        panic!("this policy always panics")
    }
}
