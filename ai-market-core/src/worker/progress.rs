use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

use super::WorkerReport;

/// What a worker is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has not begun, or has ended.
    #[default]
    Stopped,
    /// It registers, or the coordinator does not answer at the moment.
    Connecting,
    /// It waits for the coordinator to have tasks for it.
    Waiting,
    /// Its model computes the answers to so many tasks.
    Computing {
        /// The size of the batch.
        tasks: usize,
    },
    /// The coordinator has suspended it; it asks now and then whether that is over.
    Suspended,
    /// It was told to stop, and finishes and gives back.
    Stopping,
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Connecting => f.write_str("connecting"),
            Self::Waiting => f.write_str("waiting for tasks"),
            Self::Computing { tasks: 1 } => f.write_str("computing 1 task"),
            Self::Computing { tasks } => write!(f, "computing {tasks} tasks"),
            Self::Suspended => f.write_str("suspended"),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// A worker at one moment: what it is at, and what it has done in all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerSnapshot {
    /// What it is at.
    pub state: WorkerState,
    /// What became of its tasks so far.
    pub report: WorkerReport,
    /// Tasks that it holds leases on, as far as it knows.
    pub held: usize,
    /// Batches that its model has answered.
    pub batches: u64,
    /// Tokens that its model has read, as far as it counts them.
    pub tokens: u64,
    /// How long its model has computed, without the batch at hand.
    pub busy: Duration,
}

/// Shows what a worker is doing, also while it runs; clones show the same.
///
/// ```
/// # use ai_market_core::worker::Worker;
/// # async fn watch(worker: &Worker) {
/// let mut progress = worker.progress();
/// while progress.changed().await {
///     let now = progress.now();
///     println!("{}: {} answers", now.state, now.report.accepted);
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WorkerProgress(watch::Receiver<WorkerSnapshot>);

impl WorkerProgress {
    pub(super) const fn new(snapshots: watch::Receiver<WorkerSnapshot>) -> Self {
        Self(snapshots)
    }

    /// The worker as it is now.
    #[must_use]
    pub fn now(&self) -> WorkerSnapshot {
        *self.0.borrow()
    }

    /// Waits until something has changed since the last call, or since this handle was made; false
    /// when the worker is no more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no change: the next call sees it.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
