use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::confidence::Confidence;
use crate::consensus::{Standing, StandingEntry};
use crate::id::{Label, TaskId, TaskType, WorkerId};
use crate::task::{Task, TaskState};
use crate::time::Timestamp;

/// One thing that happened in a market.
///
/// As JSON it is a flat object whose field `event` names its [kind](super::EventKind); stores and
/// the wire write the same. It never holds the text of a task, nor an answer to an open one: votes
/// are blind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "fields of one name have one meaning, stated below"
)]
#[non_exhaustive]
pub enum Event {
    /// A task was put in.
    TaskCreated {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        /// How many votes it wants at first.
        wanted: u32,
    },
    /// A worker got a lease on a task.
    TaskLeased {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        /// When the lease runs out unless it is renewed.
        lease_until: Timestamp,
    },
    /// A vote on a task was accepted in time.
    TaskAnswered {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        /// How many votes it has now.
        #[serde(rename = "submission_count")]
        submissions: u32,
        /// How many it wanted when the vote came.
        wanted: u32,
    },
    /// A task got its final label.
    TaskFinalized {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        /// The final label.
        label: Label,
        /// The share of the votes that stand for it, as the policy weighs them.
        agreement: Confidence,
        /// How many votes were decided on.
        #[serde(rename = "submission_count")]
        submissions: u32,
        /// When the task was put in.
        created_at: Timestamp,
    },
    /// A task ended without a final label.
    TaskFailed {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        /// Why, for people.
        reason: String,
        /// When the task was put in.
        created_at: Timestamp,
    },
    /// A task was cancelled.
    TaskCancelled {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        /// Why, for people.
        reason: String,
        /// When the task was put in.
        created_at: Timestamp,
    },
    /// A lease on an open task ended without an answer; where that was the last attempt, the task
    /// fails next.
    TaskRequeued {
        #[serde(rename = "task_id")]
        task: TaskId,
        task_type: TaskType,
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        /// Why the lease ended.
        cause: RequeueCause,
    },
    /// A worker registered for the first time, or as another instance or something else than
    /// before.
    WorkerRegistered {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        /// What it can do.
        task_types: BTreeSet<TaskType>,
    },
    /// A worker missed heartbeats.
    WorkerStale {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
    },
    /// A worker missed so many that it counts as gone.
    WorkerGone {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
    },
    /// A worker was heard of that had been stale or gone.
    WorkerReturned {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
    },
    /// A worker gets no more tasks: of a type, or (`None`) at all.
    WorkerSuspended {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        task_type: Option<TaskType>,
        /// Why, for people.
        reason: String,
    },
    /// A worker gets fewer tasks.
    WorkerProbation {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        task_type: Option<TaskType>,
        /// Why, for people.
        reason: String,
    },
    /// A worker is trusted as every worker is at first: for a type, or (`None`) for all.
    WorkerReinstated {
        #[serde(rename = "worker_id")]
        worker: WorkerId,
        task_type: Option<TaskType>,
    },
    /// Everything was forgotten.
    MarketReset {},
}

/// Why a lease on an open task ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequeueCause {
    /// It ran out.
    Expired,
    /// Its worker could not answer.
    Failed,
    /// Its worker gave it back.
    Returned,
    /// Its worker was started again.
    Restarted,
    /// Its worker is gone.
    Gone,
    /// Its worker was suspended.
    Suspended,
}

impl RequeueCause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Expired,
        Self::Failed,
        Self::Returned,
        Self::Restarted,
        Self::Gone,
        Self::Suspended,
    ];

    /// The name under which it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Restarted => "restarted",
            Self::Gone => "gone",
            Self::Suspended => "suspended",
        }
    }

    /// Whether the lease was lost, which is an attempt.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Returned | Self::Suspended)
    }
}

impl Event {
    /// `task` was put in.
    #[must_use]
    pub fn created(task: &Task) -> Self {
        Self::TaskCreated {
            task: task.id,
            task_type: task.task_type.clone(),
            wanted: task.wanted,
        }
    }

    /// `worker` got a lease on `task`.
    #[must_use]
    pub fn leased(task: &Task, worker: WorkerId, lease_until: Timestamp) -> Self {
        Self::TaskLeased {
            task: task.id,
            task_type: task.task_type.clone(),
            worker,
            lease_until,
        }
    }

    /// `worker`'s vote on `task` was accepted, and is counted there.
    #[must_use]
    pub fn answered(task: &Task, worker: WorkerId) -> Self {
        Self::TaskAnswered {
            task: task.id,
            task_type: task.task_type.clone(),
            worker,
            submissions: task.submission_count,
            wanted: task.wanted,
        }
    }

    /// `worker`'s lease on `task` ended for `cause`.
    #[must_use]
    pub fn requeued(task: &Task, worker: WorkerId, cause: RequeueCause) -> Self {
        Self::TaskRequeued {
            task: task.id,
            task_type: task.task_type.clone(),
            worker,
            cause,
        }
    }

    /// `task` was closed; `None` while it is open.
    #[must_use]
    pub fn closed(task: &Task) -> Option<Self> {
        match &task.state {
            TaskState::Open => None,
            TaskState::Finalized {
                label, agreement, ..
            } => Some(Self::TaskFinalized {
                task: task.id,
                task_type: task.task_type.clone(),
                label: label.clone(),
                agreement: *agreement,
                submissions: task.submission_count,
                created_at: task.created_at,
            }),
            TaskState::Failed { reason, .. } => Some(Self::TaskFailed {
                task: task.id,
                task_type: task.task_type.clone(),
                reason: reason.clone(),
                created_at: task.created_at,
            }),
            TaskState::Cancelled { reason, .. } => Some(Self::TaskCancelled {
                task: task.id,
                task_type: task.task_type.clone(),
                reason: reason.clone(),
                created_at: task.created_at,
            }),
        }
    }

    /// What is known of `worker` for a type, or as a whole, is now `entry`.
    #[must_use]
    pub fn standing(
        worker: WorkerId,
        task_type: Option<TaskType>,
        entry: Option<&StandingEntry>,
    ) -> Self {
        match entry.map(|entry| &entry.standing) {
            Some(Standing::Suspended { reason }) => Self::WorkerSuspended {
                worker,
                task_type,
                reason: reason.clone(),
            },
            Some(Standing::Probation { reason, .. }) => Self::WorkerProbation {
                worker,
                task_type,
                reason: reason.clone(),
            },
            Some(Standing::Active) | None => Self::WorkerReinstated { worker, task_type },
        }
    }

    /// The task that it is about.
    #[must_use]
    pub const fn task(&self) -> Option<TaskId> {
        match self {
            Self::TaskCreated { task, .. }
            | Self::TaskLeased { task, .. }
            | Self::TaskAnswered { task, .. }
            | Self::TaskFinalized { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskCancelled { task, .. }
            | Self::TaskRequeued { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// The worker that it is about.
    #[must_use]
    pub const fn worker(&self) -> Option<&WorkerId> {
        match self {
            Self::TaskLeased { worker, .. }
            | Self::TaskAnswered { worker, .. }
            | Self::TaskRequeued { worker, .. }
            | Self::WorkerRegistered { worker, .. }
            | Self::WorkerStale { worker }
            | Self::WorkerGone { worker }
            | Self::WorkerReturned { worker }
            | Self::WorkerSuspended { worker, .. }
            | Self::WorkerProbation { worker, .. }
            | Self::WorkerReinstated { worker, .. } => Some(worker),
            _ => None,
        }
    }

    /// The task type that it is about.
    #[must_use]
    pub const fn task_type(&self) -> Option<&TaskType> {
        match self {
            Self::TaskCreated { task_type, .. }
            | Self::TaskLeased { task_type, .. }
            | Self::TaskAnswered { task_type, .. }
            | Self::TaskFinalized { task_type, .. }
            | Self::TaskFailed { task_type, .. }
            | Self::TaskCancelled { task_type, .. }
            | Self::TaskRequeued { task_type, .. } => Some(task_type),
            Self::WorkerSuspended { task_type, .. }
            | Self::WorkerProbation { task_type, .. }
            | Self::WorkerReinstated { task_type, .. } => task_type.as_ref(),
            _ => None,
        }
    }
}
