use serde::{Deserialize, Serialize};

use crate::id::{TaskType, WorkerId};

use super::Effects;

/// Somebody decides how far a worker is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandingChange {
    /// The worker.
    pub worker: WorkerId,
    /// For tasks of this type; `None` for the worker as a whole.
    pub task_type: Option<TaskType>,
    /// What is decided.
    pub ruling: Ruling,
}

/// What is decided of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It gets no tasks, for this reason, until it is reinstated.
    Suspend(String),
    /// It is active again, and judged only by what comes from now on; for the worker as a whole, so
    /// it is for every type.
    Reinstate,
}

impl StandingChange {
    /// `ruling` on `worker` as a whole.
    #[must_use]
    pub const fn new(worker: WorkerId, ruling: Ruling) -> Self {
        Self {
            worker,
            task_type: None,
            ruling,
        }
    }

    /// Only for tasks of `task_type`.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }
}

/// What became of a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandingChanged {
    /// There is no such worker.
    UnknownWorker,
    /// It holds; this is what the end of leases did.
    Done(Effects),
}
