use std::collections::BTreeMap;

use crate::id::{TaskId, TaskType};

/// What a step did to tasks besides what it was asked for; the coordinator wakes whoever waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    freed: BTreeMap<TaskType, u64>,
    closed: Vec<TaskId>,
}

impl Effects {
    /// Notes that `replicas` of tasks of `task_type` became claimable.
    pub fn free(&mut self, task_type: &TaskType, replicas: u32) {
        if replicas == 0 {
            return;
        }
        match self.freed.get_mut(task_type) {
            Some(n) => *n += u64::from(replicas),
            None => {
                self.freed.insert(task_type.clone(), u64::from(replicas));
            }
        }
    }

    /// Notes that `task` was finalized or failed.
    pub fn close(&mut self, task: TaskId) {
        self.closed.push(task);
    }

    /// Adds what another step did.
    pub fn merge(&mut self, other: Self) {
        for (task_type, n) in other.freed {
            *self.freed.entry(task_type).or_default() += n;
        }
        self.closed.extend(other.closed);
    }

    /// How many replicas became claimable, by task type.
    pub fn freed(&self) -> impl Iterator<Item = (&TaskType, u64)> {
        self.freed.iter().map(|(task_type, n)| (task_type, *n))
    }

    /// The tasks that were finalized or failed.
    #[must_use]
    pub fn closed(&self) -> &[TaskId] {
        &self.closed
    }
}
