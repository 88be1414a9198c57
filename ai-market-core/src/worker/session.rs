use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::{ApiError, ErrorCode, ReleaseRequest, Terms, WorkerApi};
use crate::id::{InstanceId, TaskId};
use crate::inference::{InferenceBackend, InferenceBackendExt, ModelInfo};
use crate::store::{WorkerModel, WorkerProfile};
use crate::submission::Scores;

use super::backoff::Backoff;
use super::run::Settings;
use super::tracker::Tracker;
use super::{WorkerError, WorkerReport};

/// How long giving back may take at the end.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// The shortest time between two heartbeats.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);

/// Whether the same request may succeed later. A fault of the coordinator may be mended meanwhile.
pub(super) fn may_pass(error: &ApiError) -> bool {
    error.is_transient() || error.code() == ErrorCode::Internal
}

/// A model as it is registered; more labels than an answer can score are not told.
fn registered(model: &ModelInfo) -> WorkerModel {
    let registered = WorkerModel::new(model.identity.clone());
    if model.labels.len() > Scores::MAX_LABELS {
        return registered;
    }
    registered.with_labels(model.labels.clone())
}

/// One run of a worker: what its loops share.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) api: &'a dyn WorkerApi,
    pub(super) backend: &'a dyn InferenceBackend,
    pub(super) settings: &'a Settings,
    pub(super) tracker: &'a Tracker,
    pub(super) stop: CancellationToken,
    pub(super) instance: InstanceId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The tasks that it holds, as far as it knows.
    held: BTreeSet<TaskId>,
    terms: Terms,
    report: WorkerReport,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        api: &'a dyn WorkerApi,
        backend: &'a dyn InferenceBackend,
        settings: &'a Settings,
        tracker: &'a Tracker,
        stop: CancellationToken,
    ) -> Result<Self, WorkerError> {
        let state = State {
            held: BTreeSet::new(),
            terms: Terms::new(Duration::from_secs(60), Duration::from_secs(15)),
            report: WorkerReport::default(),
        };
        let instance = InstanceId::random().map_err(WorkerError::NoRandomness)?;
        Ok(Self {
            api,
            backend,
            settings,
            tracker,
            stop,
            instance,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // OK because nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says of itself.
    fn profile(&self) -> WorkerProfile {
        let task_types = &self.settings.task_types;
        let mut profile = WorkerProfile::new(self.settings.id.clone(), task_types.iter().cloned())
            .with_instance(self.instance.clone());
        profile.owner.clone_from(&self.settings.owner);
        let models = task_types.iter().filter_map(|task_type| {
            let model = self.backend.model_for(task_type)?;
            Some((task_type, registered(model)))
        });
        let models: Vec<_> = models.collect();
        match &models[..] {
            [(_, only), rest @ ..] if rest.iter().all(|(_, model)| model == only) => {
                profile.with_model(only.clone())
            }
            models => models.iter().fold(profile, |profile, (task_type, model)| {
                profile.with_model_for((*task_type).clone(), model.clone())
            }),
        }
    }

    /// Registers, however long that takes; false when it was told to stop before.
    pub(super) async fn register(&self) -> Result<bool, WorkerError> {
        let profile = self.profile();
        let mut backoff = Backoff::default();
        loop {
            let registered = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(false),
                registered = self.api.register(profile.clone()) => registered,
            };
            match registered {
                Ok(terms) => {
                    tracing::info!(
                        worker = %self.settings.id,
                        lease = ?terms.lease,
                        heartbeat = ?terms.heartbeat,
                        "registered"
                    );
                    self.state().terms = terms;
                    self.tracker.connected(true);
                    return Ok(true);
                }
                Err(error) => {
                    self.tracker.failed("register", &error);
                    let pause = self.bear(error, &mut backoff, "cannot register")?;
                    self.pause(pause).await;
                }
            }
        }
    }

    /// How long to wait after an error that may pass; returns the others.
    pub(super) fn bear(
        &self,
        error: ApiError,
        backoff: &mut Backoff,
        what: &str,
    ) -> Result<Duration, WorkerError> {
        if !may_pass(&error) {
            return Err(self.refused(error));
        }
        // The first failure is news; that it goes on is not.
        if backoff.is_fresh() {
            tracing::warn!(
                error = &error as &dyn Error,
                "{what}; trying again until it works"
            );
        } else {
            tracing::debug!(error = &error as &dyn Error, "{what}");
        }
        Ok(backoff.next(error.retry_after()))
    }

    /// Waits, but not beyond being told to stop.
    pub(super) async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }

    pub(super) fn refused(&self, source: ApiError) -> WorkerError {
        match source.code() {
            ErrorCode::Superseded => WorkerError::Superseded(self.settings.id.clone()),
            _ => WorkerError::Refused {
                worker: self.settings.id.clone(),
                source,
            },
        }
    }

    pub(super) fn heartbeat_interval(&self) -> Duration {
        // However short a coordinator asks for, it is not to be flooded.
        self.state().terms.heartbeat.max(SHORTEST_HEARTBEAT)
    }

    pub(super) fn hold(&self, tasks: impl IntoIterator<Item = TaskId>) {
        let mut state = self.state();
        state.held.extend(tasks);
        self.tracker.holds(state.held.len());
    }

    pub(super) fn holds(&self, task: TaskId) -> bool {
        self.state().held.contains(&task)
    }

    pub(super) fn held(&self) -> Vec<TaskId> {
        self.state().held.iter().copied().collect()
    }

    /// Notes that it holds a task no longer; false when it did not know that it did.
    pub(super) fn drop_task(&self, task: TaskId) -> bool {
        let mut state = self.state();
        let held = state.held.remove(&task);
        self.tracker.holds(state.held.len());
        held
    }

    pub(super) fn count(&self, count: impl Fn(&mut WorkerReport)) {
        count(&mut self.state().report);
        self.tracker.count(count);
    }

    pub(super) fn report(&self) -> WorkerReport {
        self.state().report
    }

    /// Gives back whatever it holds, also what a claim that was cut off may have brought.
    pub(super) async fn give_back_all(&self) {
        let request =
            ReleaseRequest::all(self.settings.id.clone()).with_instance(self.instance.clone());
        match timeout(GIVE_BACK, self.api.release(request)).await {
            Ok(Ok(returned)) => {
                self.count(|report| report.returned += returned);
                if returned > 0 {
                    tracing::info!(returned, "gave back unfinished tasks");
                }
            }
            Ok(Err(error)) => {
                self.tracker.failed("release", &error);
                tracing::warn!(
                    error = &error as &dyn Error,
                    "could not give back unfinished tasks; they go to others when the leases run \
                     out"
                );
            }
            Err(_) => tracing::warn!(
                "the coordinator did not answer; unfinished tasks go to others when the leases \
                 run out"
            ),
        }
    }
}
