use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ai_market_core::api::TaskSpec;
use ai_market_core::id::{Label, TaskId, WorkerId};

/// What the coordinator acknowledged to its callers, and what they were waiting for when it stopped.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// Workers that have registered.
    pub(crate) workers: BTreeSet<WorkerId>,
    /// Tasks that were created, and what was asked for.
    pub(crate) tasks: HashMap<TaskId, TaskSpec>,
    /// What was asked for without an answer, by idempotency key.
    pub(crate) asked: BTreeMap<String, TaskSpec>,
    /// What became of each task that a worker was given.
    pub(crate) replicas: HashMap<(TaskId, WorkerId), Replica>,
    /// Workers that asked for tasks without an answer.
    pub(crate) claiming: HashSet<WorkerId>,
    /// Decisions that somebody was told of, and the label where it was said.
    pub(crate) decided: HashMap<TaskId, Option<Label>>,
    /// The most points that the leaderboard said a worker has.
    pub(crate) points: BTreeMap<WorkerId, i64>,
    /// API keys.
    pub(crate) keys: HashMap<String, KeyEntry>,
}

/// What a worker was told of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replica {
    /// It holds a lease.
    Held,
    /// It sent this label and has no answer.
    Submitting(Label),
    /// Its vote was taken.
    Voted(Label),
    /// It gives the lease back and has no answer.
    Releasing,
    /// It has given the lease back.
    Released,
}

/// What was said of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyEntry {
    Issued,
    Revoking,
    Revoked,
}

impl Ledger {
    /// The entries; held only between calls of the coordinator.
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        // OK because a panic under the lock has failed the test.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// How many things were acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
            + self.tasks.len()
            + self.replicas.len()
            + self.decided.len()
            + self.keys.len()
    }

    /// Notes what became of a task that a worker was given.
    pub(crate) fn note(&mut self, task: TaskId, worker: &WorkerId, replica: Replica) {
        self.replicas.insert((task, worker.clone()), replica);
    }

    /// The tasks that a worker holds or may hold, and the labels that it has sent.
    pub(crate) fn unanswered(&self, worker: &WorkerId) -> Vec<(TaskId, Option<Label>)> {
        let replicas = self.replicas.iter();
        replicas
            .filter(|((_, who), _)| who == worker)
            .filter_map(|((task, _), replica)| match replica {
                Replica::Held => Some((*task, None)),
                Replica::Submitting(label) => Some((*task, Some(label.clone()))),
                Replica::Voted(_) | Replica::Releasing | Replica::Released => None,
            })
            .collect()
    }

    /// A task of which somebody was told that it is decided, but not how.
    pub(crate) fn unread(&self) -> Option<TaskId> {
        let mut decided = self.decided.iter();
        let (task, _) = decided.find(|(_, label)| label.is_none())?;
        Some(*task)
    }
}
