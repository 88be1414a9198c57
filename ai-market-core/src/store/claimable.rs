use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::id::{OwnerId, TaskId, TaskType, WorkerId};
use crate::submission::{ModelIdentity, Submission};

use super::{LeaseRow, LossRow};

/// The place of a task in the order in which tasks of one type are handed out.
///
/// The market computes it; a store keeps it as a column of the task, absent while nobody may claim
/// the task, and finds tasks of one type by its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimKey {
    priority: Reverse<i32>,
    id: TaskId,
}

impl ClaimKey {
    /// The place of task `id` of this priority: higher priority first, then oldest first.
    #[must_use]
    pub const fn new(priority: i32, id: TaskId) -> Self {
        Self {
            priority: Reverse(priority),
            id,
        }
    }

    /// The priority of the task.
    #[must_use]
    pub const fn priority(&self) -> i32 {
        self.priority.0
    }

    /// The task.
    #[must_use]
    pub const fn id(&self) -> TaskId {
        self.id
    }
}

/// A worker, as far as it matters for who is involved with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimant {
    /// The worker.
    pub worker: WorkerId,
    /// Who runs it, where that is known.
    pub owner: Option<OwnerId>,
    /// The model that it would answer with, where it said so.
    pub model: Option<ModelIdentity>,
}

impl Claimant {
    /// A worker with its owner and model.
    #[must_use]
    pub const fn new(
        worker: WorkerId,
        owner: Option<OwnerId>,
        model: Option<ModelIdentity>,
    ) -> Self {
        Self {
            worker,
            owner,
            model,
        }
    }
}

/// A look-up of claimable tasks of one type, in the order of their [`ClaimKey`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimableQuery {
    /// Whose involvement is reported.
    pub claimant: Claimant,
    /// The type of the tasks.
    pub task_type: TaskType,
    /// Only tasks after this place; from the beginning where it is absent.
    pub after: Option<ClaimKey>,
    /// At most so many.
    pub limit: usize,
}

impl ClaimableQuery {
    /// The first `limit` claimable tasks of `task_type` after a place.
    #[must_use]
    pub const fn new(
        claimant: Claimant,
        task_type: TaskType,
        after: Option<ClaimKey>,
        limit: usize,
    ) -> Self {
        Self {
            claimant,
            task_type,
            after,
            limit,
        }
    }
}

/// How a claimant is involved with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Involvement {
    /// The worker holds a lease on the task, or has answered it in time.
    pub worker: bool,
    /// So does or has a worker of the same owner; never where the owner is not known.
    pub owner: bool,
    /// So does or has a worker under the same model; never where the model is not known.
    pub model: bool,
    /// How often the worker, or another one of its owner, lost the task.
    pub losses: u32,
}

impl Involvement {
    /// How a claimant is involved with a task that has these votes, leases and losses. Late
    /// votes do not count.
    ///
    /// Stores that cannot compute this in a query compute it here.
    #[must_use]
    pub fn of(
        claimant: &Claimant,
        votes: &[Submission],
        leases: &[LeaseRow],
        losses: &[LossRow],
    ) -> Self {
        let votes = votes.iter().filter(|vote| !vote.late);
        let votes = votes.map(|vote| (&vote.worker, &vote.owner, &vote.model));
        let leases = leases.iter();
        let leases = leases.map(|lease| (&lease.worker, &lease.owner, &lease.model));
        let mut involvement = Self {
            losses: LossRow::count_of(losses, &claimant.worker, claimant.owner.as_ref()),
            ..Self::default()
        };
        for (worker, owner, model) in votes.chain(leases) {
            involvement.worker |= *worker == claimant.worker;
            involvement.owner |= claimant.owner.is_some() && *owner == claimant.owner;
            involvement.model |= claimant.model.is_some() && *model == claimant.model;
        }
        involvement
    }
}

/// A claimable task, as a look-up finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidate {
    /// The row was read, and locked where others could change it.
    Found {
        /// The place of the task.
        key: ClaimKey,
        /// Whether no two of its answers may come from the same model.
        distinct_models: bool,
        /// How the claimant is involved with it.
        involvement: Involvement,
    },
    /// Another transaction has the row locked, so nothing is known of it.
    Skipped(ClaimKey),
}

impl Candidate {
    /// The place of the task.
    #[must_use]
    pub const fn key(&self) -> ClaimKey {
        match self {
            Self::Found { key, .. } | Self::Skipped(key) => *key,
        }
    }
}

/// What a look-up of claimable tasks found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClaimablePage {
    /// The tasks in order.
    pub candidates: Vec<Candidate>,
    /// Whether there are none after these.
    pub ended: bool,
    /// Tasks from this id on may still be inserted by transactions of other processes; `None` where
    /// nobody else writes.
    pub settled_before: Option<TaskId>,
}

impl ClaimablePage {
    /// The candidates, and whether there are none after them, in a store that nobody else writes.
    #[must_use]
    pub const fn new(candidates: Vec<Candidate>, ended: bool) -> Self {
        Self {
            candidates,
            ended,
            settled_before: None,
        }
    }
}
