use std::collections::BTreeMap;

use crate::event::Event;
use crate::id::{TaskId, TaskType};
use crate::store::ClaimKey;

/// What a step did besides what it was asked for; the coordinator wakes whoever waits, and counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    freed: BTreeMap<TaskType, u64>,
    opened: Vec<(TaskType, ClaimKey)>,
    filled: Vec<(TaskType, ClaimKey)>,
    events: Vec<Event>,
}

impl Effects {
    /// Notes that `replicas` of a task of `task_type` became claimable, at this place.
    pub(super) fn open(&mut self, task_type: &TaskType, key: ClaimKey, replicas: u32) {
        match self.freed.get_mut(task_type) {
            Some(n) => *n += u64::from(replicas),
            None => {
                self.freed.insert(task_type.clone(), u64::from(replicas));
            }
        }
        self.filled.retain(|(_, filled)| *filled != key);
        self.opened.push((task_type.clone(), key));
    }

    /// Notes that nobody may claim the task at this place any more.
    pub(super) fn fill(&mut self, task_type: &TaskType, key: ClaimKey) {
        self.filled.push((task_type.clone(), key));
    }

    /// Notes that something happened: a task was closed, a lease ended, a worker's absence or
    /// standing changed.
    pub(super) fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds what another step did.
    pub fn merge(&mut self, other: Self) {
        for (task_type, n) in other.freed {
            *self.freed.entry(task_type).or_default() += n;
        }
        self.opened.extend(other.opened);
        self.filled.extend(other.filled);
        self.events.extend(other.events);
    }

    /// How many replicas became claimable, by task type.
    pub fn freed(&self) -> impl Iterator<Item = (&TaskType, u64)> {
        self.freed.iter().map(|(task_type, n)| (task_type, *n))
    }

    /// The places of the tasks that have more claimable replicas than before.
    pub(super) fn opened(&self) -> &[(TaskType, ClaimKey)] {
        &self.opened
    }

    /// The places of the tasks that nobody may claim any more after the step.
    pub(super) fn filled(&self) -> &[(TaskType, ClaimKey)] {
        &self.filled
    }

    /// What happened, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The tasks that were finalized, failed or cancelled.
    #[must_use]
    pub fn closed(&self) -> Vec<TaskId> {
        let closed = self.events.iter().filter_map(|event| match event {
            Event::TaskFinalized { task, .. }
            | Event::TaskFailed { task, .. }
            | Event::TaskCancelled { task, .. } => Some(*task),
            _ => None,
        });
        closed.collect()
    }
}
