use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;

use crate::api::WorkerApi;
use crate::id::{OwnerId, TaskType, WorkerId};
use crate::inference::{InferenceBackend, InferenceBackendExt, names};

use super::metrics::WorkerMetrics;
use super::run::Settings;
use super::{Worker, WorkerError};

/// Builds a [`Worker`].
#[derive(Debug)]
#[must_use]
pub struct WorkerBuilder {
    id: WorkerId,
    api: Arc<dyn WorkerApi>,
    backend: Arc<dyn InferenceBackend>,
    owner: Option<OwnerId>,
    task_types: Option<BTreeSet<TaskType>>,
    batch: Option<NonZeroUsize>,
    wait: Duration,
    grace: Duration,
    registry: Option<Registry>,
}

impl WorkerBuilder {
    /// The most tasks claimed at once: four batches (waiting, computed, queued for handing in,
    /// being handed in) are as many as a coordinator leases to one worker by default.
    const MAX_BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

    pub(super) fn new(
        id: WorkerId,
        api: Arc<dyn WorkerApi>,
        backend: Arc<dyn InferenceBackend>,
    ) -> Self {
        Self {
            id,
            api,
            backend,
            owner: None,
            task_types: None,
            batch: None,
            wait: Duration::from_secs(20),
            grace: Duration::from_secs(3),
            registry: None,
        }
    }

    /// Says who runs the worker.
    pub fn owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Does only tasks of these types; without it, all that its models serve.
    pub fn task_types(mut self, task_types: impl IntoIterator<Item = TaskType>) -> Self {
        self.task_types = Some(task_types.into_iter().collect());
        self
    }

    /// Claims up to so many tasks at once; without it, as many as the model likes, at most 16.
    pub fn batch(mut self, batch: NonZeroUsize) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Lets the coordinator hold a claim for so long while there is nothing to do; 20 seconds.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Finishes and hands in for so long after it was told to stop; 3 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Counts what the worker does in this registry, in families `ai_market_worker_...` with its id
    /// as a label, until the worker is dropped.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Builds the worker.
    ///
    /// # Errors
    ///
    /// [`WorkerError::NothingToDo`] when no model serves any of the task types asked for,
    /// [`WorkerError::Metrics`] when the registry has metrics of a worker of the same id.
    pub fn build(self) -> Result<Worker, WorkerError> {
        let served = self.backend.task_types();
        let task_types = match self.task_types {
            Some(asked) => {
                let task_types: BTreeSet<_> = asked.intersection(&served).cloned().collect();
                if task_types.is_empty() {
                    let asked: Vec<_> = asked.iter().map(TaskType::as_str).collect();
                    return Err(WorkerError::NothingToDo {
                        model: names(self.backend.models()),
                        task_types: asked.join(", "),
                    });
                }
                task_types
            }
            None => served,
        };
        let batch = self
            .batch
            .unwrap_or_else(|| self.backend.max_batch().min(Self::MAX_BATCH));
        let registered = |registry| WorkerMetrics::register(registry, &self.id);
        let metrics = self.registry.as_ref().map(registered).transpose()?;
        let settings = Settings {
            id: self.id,
            owner: self.owner,
            task_types,
            batch: batch.get(),
            wait: self.wait,
            grace: self.grace,
        };
        Ok(Worker::new(self.api, self.backend, settings, metrics))
    }
}
