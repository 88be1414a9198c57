use std::sync::Arc;

use crate::id::{TaskId, TaskType};
use crate::time::Timestamp;

/// A task that a worker was given to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// What is to be answered.
    pub text: Arc<str>,
    /// The kind of inference.
    pub task_type: TaskType,
    /// Until when the answer is awaited, unless the lease is renewed.
    pub lease_until: Timestamp,
}

impl Assignment {
    /// The right to answer `task` until `lease_until`.
    #[must_use]
    pub fn new(task: TaskId, text: Arc<str>, task_type: TaskType, lease_until: Timestamp) -> Self {
        Self {
            task,
            text,
            task_type,
            lease_until,
        }
    }
}
