use std::num::NonZeroU32;

use crate::confidence::Confidence;
use crate::id::{Label, WorkerId};

use super::{Ballot, RecordChange};

/// What a policy says of a ballot.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// More votes are needed than are in.
    Pending,
    /// This many votes more than are in are needed.
    Extend(NonZeroU32),
    /// The task is decided.
    Finalize {
        /// The decision.
        consensus: Consensus,
        /// Points for voters; a voter that is not named gets none.
        rewards: Vec<Reward>,
        /// What is added to track records.
        updates: Updates,
    },
    /// The task cannot be decided, for this reason.
    Fail(String),
}

/// The final label of a task and how well the votes support it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consensus {
    /// The final label.
    pub label: Label,
    /// The share of the votes that stand for the label, as the policy weighs them.
    pub agreement: Confidence,
}

impl Consensus {
    /// A final label, and the share of the votes that stand for it.
    #[must_use]
    pub const fn new(label: Label, agreement: Confidence) -> Self {
        Self { label, agreement }
    }
}

/// Points for one voter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// Who gets them.
    pub worker: WorkerId,
    /// How many; negative ones are taken away. More than [`MAX_POINTS`](Self::MAX_POINTS), given or
    /// taken, count as that many.
    pub points: i64,
}

impl Reward {
    /// The most points that one decision gives a voter or takes from it, so that sums over a market's
    /// life stay far from the largest integer.
    pub const MAX_POINTS: i64 = 1_000_000;

    /// So many points for `worker`; negative ones are taken away.
    #[must_use]
    pub const fn new(worker: WorkerId, points: i64) -> Self {
        Self { worker, points }
    }
}

/// What is learned from votes: additions to the track records of voters and of the task type.
///
/// They are additions, so that what was learned elsewhere in the meantime is not undone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Updates {
    /// Additions to the records of voters, for the task type of the ballot. A voter may be named
    /// more than once; its changes are applied in order.
    pub records: Vec<(WorkerId, RecordChange)>,
    /// Additions to the record of the task type, applied in order.
    pub prior: Vec<RecordChange>,
}

impl Updates {
    /// Counts every vote of `ballot` as agreeing or disagreeing with `label`, in the record of its
    /// worker and in that of the task type.
    #[must_use]
    pub fn observe(ballot: &Ballot<'_>, label: &Label) -> Self {
        let change = |given| RecordChange::observe(ballot.comparator, label, given);
        let prior: Vec<_> = ballot
            .votes
            .iter()
            .map(|vote| change(&vote.label))
            .collect();
        let workers = ballot.votes.iter().map(|vote| vote.worker.clone());
        Self {
            records: workers.zip(prior.iter().cloned()).collect(),
            prior,
        }
    }
}
