use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::WorkerApi;
use crate::id::{OwnerId, TaskType, WorkerId};
use crate::inference::InferenceBackend;

use super::metrics::WorkerMetrics;
use super::session::Session;
use super::tracker::Tracker;
use super::{WorkerBuilder, WorkerError, WorkerProgress, WorkerReport};

/// Fetches tasks, answers them with a model, and hands the answers in.
///
/// It is a pipeline: while one batch is computed, the next is being claimed and the one before is
/// being handed in, so that the model never waits for the network. Beside it run the heartbeats
/// that keep its leases.
#[derive(Debug)]
pub struct Worker {
    api: Arc<dyn WorkerApi>,
    backend: Arc<dyn InferenceBackend>,
    settings: Settings,
    tracker: Tracker,
}

/// How a worker works.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) id: WorkerId,
    pub(super) owner: Option<OwnerId>,
    pub(super) task_types: BTreeSet<TaskType>,
    /// How many tasks to claim at once.
    pub(super) batch: usize,
    /// How long the coordinator may hold a claim.
    pub(super) wait: Duration,
    /// How long to finish after being told to stop.
    pub(super) grace: Duration,
}

impl Worker {
    /// Begins building the worker `id`, which asks `api` for tasks that `backend` answers.
    pub fn builder(
        id: WorkerId,
        api: impl WorkerApi,
        backend: impl InferenceBackend,
    ) -> WorkerBuilder {
        WorkerBuilder::new(id, Arc::new(api), Arc::new(backend))
    }

    pub(super) fn new(
        api: Arc<dyn WorkerApi>,
        backend: Arc<dyn InferenceBackend>,
        settings: Settings,
        metrics: Option<WorkerMetrics>,
    ) -> Self {
        Self {
            api,
            backend,
            settings,
            tracker: Tracker::new(metrics),
        }
    }

    /// The worker's id.
    #[must_use]
    pub fn id(&self) -> &WorkerId {
        &self.settings.id
    }

    /// The task types that it does.
    #[must_use]
    pub fn task_types(&self) -> &BTreeSet<TaskType> {
        &self.settings.task_types
    }

    /// Shows what the worker is doing, before, while and after it runs.
    #[must_use]
    pub fn progress(&self) -> WorkerProgress {
        self.tracker.progress()
    }

    /// Works until `stop` is cancelled, and says what it did.
    ///
    /// Each run is an instance of its own. It waits for a coordinator that is not there yet or goes
    /// away, however long, and hands in what it has computed as soon as it is back. When told to
    /// stop it finishes the batch at hand, for at most its grace, and gives the rest back.
    ///
    /// # Errors
    ///
    /// [`WorkerError`] where going on makes no sense: the coordinator refuses the worker for good,
    /// another process has taken its id, or the model has stopped. What it holds is given back then
    /// too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the worker without giving anything back; its leases run out.
    pub async fn run(&self, stop: CancellationToken) -> Result<WorkerReport, WorkerError> {
        let run = self.tracker.run();
        let session = Session::new(
            &*self.api,
            &*self.backend,
            &self.settings,
            &self.tracker,
            stop,
        )?;
        if !session.register().await? {
            return Ok(session.report());
        }
        // One batch waits while one is computed: enough for the model never to wait, and as little
        // as possible of what another worker could do meanwhile.
        let (to_compute, computing) = mpsc::channel(1);
        let (to_hand_in, handing_in) = mpsc::channel(1);
        let pipeline = async {
            tokio::try_join!(
                session.claim_all(to_compute),
                session.compute_all(computing, to_hand_in),
                session.hand_in_all(handing_in),
            )
        };
        let result = tokio::select! {
            result = pipeline => result.map(|_| ()),
            error = session.send_heartbeats() => Err(error),
            () = self.grace_over(&session) => Ok(()),
        };
        session.give_back_all().await;
        drop(run);
        result.map(|()| session.report())
    }

    async fn grace_over(&self, session: &Session<'_>) {
        session.stop.cancelled().await;
        self.tracker.stopping();
        sleep(self.settings.grace).await;
    }
}
