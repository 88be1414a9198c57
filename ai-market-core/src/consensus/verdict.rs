use std::num::NonZeroU32;

use crate::confidence::Confidence;
use crate::id::{Label, WorkerId};

use super::{Ballot, TrackRecord};

/// What a policy says of a ballot.
#[derive(Debug, Clone, PartialEq)]
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
        /// New track records.
        updates: Updates,
    },
    /// The task cannot be decided, for this reason.
    Fail(String),
}

/// The final label of a task and how well the votes support it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consensus {
    /// The final label.
    pub label: Label,
    /// The share of the votes that stand for the label, as the policy weighs them.
    pub agreement: Confidence,
}

/// Points for one voter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// Who gets them.
    pub worker: WorkerId,
    /// How many; negative ones are taken away.
    pub points: i64,
}

/// The track records that a decision changes, as they are to be from now on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Updates {
    /// New records of voters, for the task type of the ballot.
    pub records: Vec<(WorkerId, TrackRecord)>,
    /// The new record of the task type; `None` leaves it as it is.
    pub prior: Option<TrackRecord>,
}

impl Updates {
    /// Counts every vote of `ballot` as agreeing or disagreeing with `label`, in the record of its
    /// worker and in that of the task type.
    #[must_use]
    pub fn observe(ballot: &Ballot<'_>, label: &Label) -> Self {
        let mut prior = ballot.prior.clone();
        let mut records = Vec::with_capacity(ballot.votes.len());
        for (vote, record) in ballot.votes.iter().zip(ballot.records) {
            let mut record = record.clone();
            record.observe_by(ballot.comparator, label, &vote.label);
            prior.observe_by(ballot.comparator, label, &vote.label);
            records.push((vote.worker.clone(), record));
        }
        Self {
            records,
            prior: Some(prior),
        }
    }
}
