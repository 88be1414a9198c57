use std::error::Error;

use crate::api::ApiError;
use crate::id::WorkerId;

/// Why a worker stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The coordinator refuses the worker, and trying again will not change that.
    #[error("the coordinator refuses worker {worker}")]
    Refused {
        /// The worker.
        worker: WorkerId,
        /// What the coordinator said.
        #[source]
        source: ApiError,
    },
    /// Another process registered under the same worker id.
    #[error("worker {0} was started elsewhere; each needs an id of its own")]
    Superseded(WorkerId),
    /// The model answers nothing any more.
    #[error("the model has stopped")]
    ModelStopped,
    /// No model serves any of the task types asked for.
    #[error("the model {model} does not serve tasks of type {task_types}")]
    NothingToDo {
        /// The model, or all of them.
        model: String,
        /// The task types asked for.
        task_types: String,
    },
    /// The registry has metrics of a worker of this id already, or others of the same names.
    #[error("cannot register the worker's metrics")]
    Metrics(#[source] Box<dyn Error + Send + Sync>),
    /// The operating system gives no random bytes for the instance id.
    #[error("the operating system gives no random bytes")]
    NoRandomness(#[source] std::io::Error),
}
