use crate::id::{TaskId, TaskType};
use crate::task::{Task, TaskStatus};
use crate::time::Timestamp;

/// A page of closed tasks, ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedQuery {
    /// Only tasks after this one: where the page before ended.
    pub after: Option<TaskId>,
    /// Only tasks before this id.
    pub before: TaskId,
    /// At most so many.
    pub limit: usize,
}

impl ClosedQuery {
    /// The first `limit` closed tasks with an id before `before`.
    #[must_use]
    pub const fn new(before: TaskId, limit: usize) -> Self {
        Self {
            after: None,
            before,
            limit,
        }
    }

    /// Only tasks after `task`.
    #[must_use]
    pub const fn after(mut self, task: TaskId) -> Self {
        self.after = Some(task);
        self
    }
}

/// What is counted of a closed task, and when it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedTask {
    /// The task.
    pub id: TaskId,
    /// Its type.
    pub task_type: TaskType,
    /// How it ended.
    pub status: TaskStatus,
    /// When it ended.
    pub closed_at: Timestamp,
    /// How many votes it has that came in time.
    pub votes: u32,
}

impl ClosedTask {
    /// A task of this type that ended at `closed_at`, with so many votes in time.
    #[must_use]
    pub const fn new(
        id: TaskId,
        task_type: TaskType,
        status: TaskStatus,
        closed_at: Timestamp,
        votes: u32,
    ) -> Self {
        Self {
            id,
            task_type,
            status,
            closed_at,
            votes,
        }
    }

    /// The closed task, if `task` is one.
    #[must_use]
    pub fn of(task: &Task) -> Option<Self> {
        let closed_at = task.decided_at()?;
        let task_type = task.task_type.clone();
        let votes = task.submission_count;
        Some(Self::new(
            task.id,
            task_type,
            task.status(),
            closed_at,
            votes,
        ))
    }
}
