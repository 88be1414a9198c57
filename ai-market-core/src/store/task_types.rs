use std::collections::BTreeMap;

use crate::id::TaskType;
use crate::task::TaskStatus;

use super::{Counter, ServingCounts};

/// A page of the task types that have a task or a worker, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskTypeQuery {
    /// Only types after this one: where the page before ended.
    pub after: Option<TaskType>,
    /// At most so many.
    pub limit: usize,
}

impl TaskTypeQuery {
    /// The first `limit` types.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Only types after `task_type`.
    #[must_use]
    pub fn after(mut self, task_type: TaskType) -> Self {
        self.after = Some(task_type);
        self
    }

    /// The page of all types that the query asks for.
    ///
    /// It is for stores that read all counters and workers; one with indexes reads the page alone.
    #[must_use]
    pub fn page(
        &self,
        counters: impl IntoIterator<Item = (Counter, u64)>,
        serving: &ServingCounts,
    ) -> Vec<TaskTypeSummary> {
        let mut types: BTreeMap<TaskType, TaskTypeSummary> = BTreeMap::new();
        let mut summary = |task_type: &TaskType, then: &mut dyn FnMut(&mut TaskTypeSummary)| {
            if self.after.as_ref().is_none_or(|after| task_type > after) {
                let new = || TaskTypeSummary::new(task_type.clone());
                then(types.entry(task_type.clone()).or_insert_with(new));
            }
        };
        for (counter, n) in counters {
            if let (Counter::Tasks(task_type, status), 1..) = (&counter, n) {
                summary(task_type, &mut |of| {
                    of.tasks.insert(*status, n);
                });
            }
        }
        for task_type in serving.task_types() {
            summary(task_type, &mut |of| {
                of.workers = serving.workers(task_type);
                of.models = serving.models(task_type);
            });
        }
        types.into_values().take(self.limit).collect()
    }
}

/// A task type with its tasks and who serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskTypeSummary {
    /// The type.
    pub task_type: TaskType,
    /// Its tasks by status; a status that is absent has none.
    pub tasks: BTreeMap<TaskStatus, u64>,
    /// Workers that are here and serve it.
    pub workers: u64,
    /// The different models that they serve it with, as far as they say.
    pub models: u64,
}

impl TaskTypeSummary {
    /// A type without tasks and workers.
    #[must_use]
    pub const fn new(task_type: TaskType) -> Self {
        Self {
            task_type,
            tasks: BTreeMap::new(),
            workers: 0,
            models: 0,
        }
    }
}
