use std::collections::BTreeSet;

use crate::id::{TaskId, TaskType, WorkerId};

use super::{Event, EventKind};

/// Which events somebody wants: those that fit all that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventFilter {
    /// Of these kinds; of every kind where none is named.
    pub kinds: BTreeSet<EventKind>,
    /// About this task.
    pub task: Option<TaskId>,
    /// About this worker.
    pub worker: Option<WorkerId>,
    /// About tasks of this type, or what a worker may do of it.
    pub task_type: Option<TaskType>,
}

impl EventFilter {
    /// Every event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only events of these kinds.
    #[must_use]
    pub fn with_kinds(mut self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Only events about this task.
    #[must_use]
    pub fn with_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Only events about this worker.
    #[must_use]
    pub fn with_worker(mut self, worker: WorkerId) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Only events about this task type.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }

    /// Whether `event` is one of those.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let fits = |asked: bool, same: bool| !asked || same;
        fits(!self.kinds.is_empty(), self.kinds.contains(&event.kind()))
            && fits(self.task.is_some(), event.task() == self.task)
            && fits(
                self.worker.is_some(),
                event.worker() == self.worker.as_ref(),
            )
            && fits(
                self.task_type.is_some(),
                event.task_type() == self.task_type.as_ref(),
            )
    }
}
