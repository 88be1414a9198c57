use crate::assignment::Assignment;
use crate::id::{TaskId, TaskType, WorkerId};

use super::Effects;

/// What became of one task that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertOutcome {
    /// It is new.
    Created(TaskId),
    /// A task of this id, or with this idempotency key and the same text, type and params, was
    /// there.
    Existing(TaskId),
    /// The idempotency key belongs to this task, which has another text, type or params.
    Conflict(TaskId),
    /// It would be new, but as many tasks are open as may be; nothing was kept of it.
    Full,
}

/// The outcome of cancelling a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// There is no such task.
    UnknownTask,
    /// It is cancelled; it may have been cancelled before.
    Cancelled,
    /// It was finalized or failed before.
    Closed,
}

/// What a step of pruning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pruned {
    /// How many tasks it deleted.
    pub deleted: u64,
    /// After which task the next step goes on; none where this was the last one.
    pub next: Option<TaskId>,
}

/// A registration was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Registered {
    /// What the end of an earlier instance's leases did.
    pub effects: Effects,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claimed {
    /// The worker is not registered, or an instance is named and none has registered.
    UnknownWorker,
    /// Another instance of the worker has registered since.
    Superseded,
    /// The worker is suspended for all that it can do, for this reason.
    Suspended(String),
    /// The leases that the worker got; none when there is nothing for it.
    Assigned(Vec<Assignment>),
    /// The leases that it still holds of an earlier claim with the same request id, renewed; it got
    /// no others.
    Repeated(Vec<Assignment>),
}

/// What became of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewed {
    /// The worker is not registered, or an instance is named and none has registered: it was
    /// registered on the fly after the market was reset, say, and should register itself.
    UnknownWorker,
    /// Another instance of the worker has registered since; nothing was renewed.
    Superseded,
    /// The leases were renewed.
    Renewed {
        /// The named tasks on which the worker holds no lease, in the order in which it named
        /// them; empty for [`LeaseScope::AllOf`](super::LeaseScope::AllOf).
        gone: Vec<TaskId>,
    },
}

/// What became of votes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Submitted {
    /// What became of each, in order.
    pub outcomes: Vec<SubmitOutcome>,
    /// What the decisions did.
    pub effects: Effects,
}

impl Submitted {
    /// These outcomes, and what the decisions did.
    #[must_use]
    pub const fn new(outcomes: Vec<SubmitOutcome>, effects: Effects) -> Self {
        Self { outcomes, effects }
    }
}

/// What became of one vote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitOutcome {
    /// There is no such task.
    UnknownTask,
    /// The worker has answered the task before; the first answer stands.
    Duplicate {
        /// Whether the task is finalized.
        finalized: bool,
    },
    /// The task was decided before the answer came.
    Closed {
        /// Whether the answer was kept as a late one, since its lease stood at the decision and
        /// has not run out.
        kept: bool,
    },
    /// The worker holds no lease on the task.
    NotAssigned,
    /// The task asks for distinct models, and the vote names another one than its lease was claimed
    /// with.
    OtherModel,
    /// The vote counts.
    Accepted(Progress),
}

/// What an accepted vote did to its task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The task waits for further votes.
    Open,
    /// The policy asked for more votes than were wanted.
    Extended {
        /// The type of the task.
        task_type: TaskType,
        /// How many more are wanted.
        by: u32,
    },
    /// It was the last vote, and the task has its final label.
    Finalized,
    /// It was the last vote, and the policy could not decide.
    Failed,
}

/// What became of leases that were given back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Released {
    /// How many the worker held and holds no longer.
    pub released: u64,
    /// What that did.
    pub effects: Effects,
}

/// What a round of ending what ran out did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reaped {
    /// How many leases on open tasks ran out, or were lost with their worker.
    pub lost: u64,
    /// How many tasks were decided at their deadline.
    pub expired: u64,
    /// The workers that were declared gone.
    pub gone: Vec<WorkerId>,
    /// How many workers that never did anything were deleted.
    pub deleted: u64,
    /// Whether more has run out than the round's limit.
    pub more: bool,
    /// What that did.
    pub effects: Effects,
}
