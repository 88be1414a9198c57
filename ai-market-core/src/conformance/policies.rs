//! Policies that behave in ways that a store must bear.

use std::num::NonZeroU32;

use crate::consensus::{
    Ballot, ConsensusPolicy, FractionalCount, MajorityVote, RecordChange, Updates, Verdict,
};
use crate::id::{Label, PolicyName};

/// Decides as soon as this many votes agree; else asks for one more, as often as it may.
#[derive(Debug)]
pub(crate) struct Agree(pub(crate) u32);

impl ConsensusPolicy for Agree {
    fn name(&self) -> PolicyName {
        PolicyName::new(format!("agree-{}/1", self.0)).unwrap()
    }

    fn wanted(&self, _required: NonZeroU32) -> NonZeroU32 {
        NonZeroU32::new(self.0).unwrap()
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        let agree = |label: &Label| {
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

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

/// Decides as soon as two votes agree, and counts half of each vote, as a disagreement.
/// Decides at the first vote, and pays this much for it.
#[derive(Debug)]
pub(super) struct Pays(pub(super) i64);

impl ConsensusPolicy for Pays {
    fn name(&self) -> PolicyName {
        PolicyName::new("pays/1").unwrap()
    }

    fn wanted(&self, _required: NonZeroU32) -> NonZeroU32 {
        NonZeroU32::MIN
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        self.conclude(ballot)
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        let mut verdict = MajorityVote.conclude(ballot);
        if let Verdict::Finalize { rewards, .. } = &mut verdict {
            for reward in rewards {
                reward.points = self.0;
            }
        }
        verdict
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        MajorityVote.learn(ballot, label)
    }
}

#[derive(Debug)]
pub(super) struct Half;

impl ConsensusPolicy for Half {
    fn name(&self) -> PolicyName {
        PolicyName::new("half/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        Agree(2).wanted(required)
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        match Agree(2).evaluate(ballot) {
            Verdict::Finalize {
                consensus, rewards, ..
            } => {
                let updates = self.learn(ballot, &consensus.label);
                Verdict::Finalize {
                    consensus,
                    rewards,
                    updates,
                }
            }
            other => other,
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        Agree(2).conclude(ballot)
    }

    fn learn(&self, ballot: &Ballot<'_>, _label: &Label) -> Updates {
        let mut half = RecordChange::new();
        half.disagreements = FractionalCount::from_fraction(0.5);
        let workers = ballot.votes.iter().map(|vote| vote.worker.clone());
        Updates {
            records: workers.map(|worker| (worker, half.clone())).collect(),
            prior: vec![half; ballot.votes.len()],
        }
    }
}

/// Decides as soon as two votes agree, learns nothing of them, and panics at late answers.
#[derive(Debug)]
pub(super) struct PanicsLate;

impl ConsensusPolicy for PanicsLate {
    fn name(&self) -> PolicyName {
        PolicyName::new("panics-late/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        Agree(2).wanted(required)
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        Agree(2).evaluate(ballot)
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        Agree(2).conclude(ballot)
    }

    fn learn(&self, _ballot: &Ballot<'_>, _label: &Label) -> Updates {
        panic!("this policy panics at late answers")
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

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
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

    fn learn(&self, _ballot: &Ballot<'_>, _label: &Label) -> Updates {
        panic!("this policy always panics")
    }
}
