use std::collections::BTreeMap;

use crate::consensus::Standings;
use crate::id::TaskType;
use crate::time::Timestamp;

use super::{WorkerModel, WorkerProfile};

/// Asks who serves which task types now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServingQuery {
    /// Only workers that were seen since then.
    pub seen_since: Timestamp,
}

impl ServingQuery {
    /// Workers that were seen since `seen_since`.
    #[must_use]
    pub const fn new(seen_since: Timestamp) -> Self {
        Self { seen_since }
    }
}

/// How many workers serve a task type with a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Serving {
    /// The task type.
    pub task_type: TaskType,
    /// The model as it was registered; `None` for workers that did not say.
    pub model: Option<WorkerModel>,
    /// Workers that were seen, have not been declared gone since, and are not suspended for it.
    pub workers: u64,
}

impl Serving {
    /// Counts what workers that are here serve, each with how far it is trusted.
    pub fn count<'a>(
        workers: impl IntoIterator<Item = (&'a WorkerProfile, &'a Standings)>,
    ) -> Vec<Self> {
        let mut counts: BTreeMap<(TaskType, Option<WorkerModel>), u64> = BTreeMap::new();
        for (profile, standings) in workers {
            for task_type in standings.allowed(&profile.capabilities) {
                let model = profile.model_of(task_type).cloned();
                *counts.entry((task_type.clone(), model)).or_default() += 1;
            }
        }
        let counts = counts.into_iter();
        counts
            .map(|((task_type, model), workers)| Self::new(task_type, model, workers))
            .collect()
    }

    /// So many `workers` serve `task_type` with `model`.
    #[must_use]
    pub const fn new(task_type: TaskType, model: Option<WorkerModel>, workers: u64) -> Self {
        Self {
            task_type,
            model,
            workers,
        }
    }
}
