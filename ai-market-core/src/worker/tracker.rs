use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::api::ApiError;

use super::metrics::WorkerMetrics;
use super::progress::{WorkerProgress, WorkerSnapshot, WorkerState};
use super::report::WorkerReport;

/// Tells whoever looks what a worker does: its [`WorkerProgress`] and its metrics.
#[derive(Debug)]
pub(super) struct Tracker {
    snapshots: watch::Sender<WorkerSnapshot>,
    // Beside the snapshot, since the state follows from several of these at once.
    doing: Mutex<Doing>,
    metrics: Option<WorkerMetrics>,
}

#[derive(Debug, Default)]
struct Doing {
    running: bool,
    stopping: bool,
    connected: bool,
    suspended: bool,
    computing: usize,
}

impl Doing {
    fn state(&self) -> WorkerState {
        match *self {
            Self { running: false, .. } => WorkerState::Stopped,
            Self { stopping: true, .. } => WorkerState::Stopping,
            Self {
                computing: tasks @ 1..,
                ..
            } => WorkerState::Computing { tasks },
            Self {
                connected: false, ..
            } => WorkerState::Connecting,
            Self {
                suspended: true, ..
            } => WorkerState::Suspended,
            Self { .. } => WorkerState::Waiting,
        }
    }
}

impl Tracker {
    pub(super) fn new(metrics: Option<WorkerMetrics>) -> Self {
        Self {
            snapshots: watch::Sender::default(),
            doing: Mutex::default(),
            metrics,
        }
    }

    pub(super) fn progress(&self) -> WorkerProgress {
        WorkerProgress::new(self.snapshots.subscribe())
    }

    /// Begins a run, which ends when what this returns is dropped.
    pub(super) fn run(&self) -> Run<'_> {
        self.change(|doing| {
            *doing = Doing {
                running: true,
                ..Doing::default()
            };
        });
        Run(self)
    }

    pub(super) fn stopping(&self) {
        self.change(|doing| doing.stopping = true);
    }

    /// Whether the coordinator answers.
    pub(super) fn connected(&self, connected: bool) {
        self.change(|doing| doing.connected = connected);
    }

    pub(super) fn suspended(&self, suspended: bool) {
        self.change(|doing| doing.suspended = suspended);
    }

    pub(super) fn computing(&self, tasks: usize) {
        self.change(|doing| doing.computing = tasks);
    }

    /// Counts a batch that the model has answered.
    pub(super) fn computed(&self, tasks: usize, tokens: u64, took: Duration) {
        self.snapshots.send_modify(|snapshot| {
            snapshot.batches += 1;
            snapshot.tokens += tokens;
            snapshot.busy += took;
        });
        if let Some(metrics) = &self.metrics {
            metrics.computed(tasks, tokens, took);
        }
        self.computing(0);
    }

    /// Counts what became of tasks.
    pub(super) fn count(&self, count: impl FnOnce(&mut WorkerReport)) {
        self.snapshots.send_modify(|snapshot| {
            let before = snapshot.report;
            count(&mut snapshot.report);
            if let Some(metrics) = &self.metrics {
                metrics.counted(&before, &snapshot.report);
            }
        });
    }

    pub(super) fn holds(&self, tasks: usize) {
        self.snapshots.send_if_modified(|snapshot| {
            let changed = snapshot.held != tasks;
            snapshot.held = tasks;
            changed
        });
        if let Some(metrics) = &self.metrics {
            metrics.holds(tasks);
        }
    }

    pub(super) fn claimed(&self, tasks: usize) {
        if let Some(metrics) = &self.metrics {
            metrics.claimed(tasks);
        }
    }

    /// Counts a call of the coordinator that failed.
    pub(super) fn failed(&self, call: &'static str, error: &ApiError) {
        if let Some(metrics) = &self.metrics {
            metrics.failed(call, error.code());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Doing)) {
        // OK because nothing panics under the lock.
        let mut doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut doing);
        let state = doing.state();
        // Under the lock, so that the state that is shown last is the last one.
        self.snapshots.send_if_modified(|snapshot| {
            let changed = snapshot.state != state;
            snapshot.state = state;
            changed
        });
    }
}

/// One run of a worker, also one whose future is dropped.
#[derive(Debug)]
pub(super) struct Run<'a>(&'a Tracker);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.0.holds(0);
        self.0.change(|doing| *doing = Doing::default());
    }
}
