use std::collections::BTreeMap;

use crate::event::Event;
use crate::id::{TaskId, TaskType};

/// What a step did besides what it was asked for; the coordinator wakes whoever waits, and counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    freed: BTreeMap<TaskType, u64>,
    events: Vec<Event>,
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

    /// Notes that something happened: a task was closed, a lease ended, a worker's presence or
    /// standing changed.
    pub fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds what another step did.
    pub fn merge(&mut self, other: Self) {
        for (task_type, n) in other.freed {
            *self.freed.entry(task_type).or_default() += n;
        }
        self.events.extend(other.events);
    }

    /// How many replicas became claimable, by task type.
    pub fn freed(&self) -> impl Iterator<Item = (&TaskType, u64)> {
        self.freed.iter().map(|(task_type, n)| (task_type, *n))
    }

    /// What happened, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The tasks that were finalized or failed.
    #[must_use]
    pub fn closed(&self) -> Vec<TaskId> {
        let closed = self.events.iter().filter_map(|event| match event {
            Event::TaskFinalized { task, .. } | Event::TaskFailed { task, .. } => Some(*task),
            _ => None,
        });
        closed.collect()
    }
}
