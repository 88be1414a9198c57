use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use super::WorkerError;
use super::backoff::Backoff;
use super::computing::Batch;
use super::session::Session;
use crate::api::{ClaimRequest, ErrorCode};
use crate::id::RequestId;

/// How long to wait between two claims where the coordinator does not hold them.
const POLL: Duration = Duration::from_secs(1);

/// How long to wait for being reinstated where the coordinator does not say.
const SUSPENDED: Duration = Duration::from_secs(30);

impl Session<'_> {
    /// Claims one batch after the other, each when there is room for it.
    pub(super) async fn claim_all(&self, to_compute: Sender<Batch>) -> Result<(), WorkerError> {
        let mut backoff = Backoff::default();
        let mut unknown = Backoff::default();
        let mut suspended = false;
        // The same until a claim is answered: where only the answer was lost, the next claim brings
        // the tasks that the coordinator has leased to this worker.
        let mut number = 1;
        loop {
            let room = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                room = to_compute.reserve() => room,
            };
            let Ok(room) = room else { return Ok(()) };
            let asked = Instant::now();
            let request = ClaimRequest::new(self.settings.id.clone())
                .with_instance(self.instance.clone())
                .with_request(RequestId::numbered(number))
                .with_limit(self.settings.batch)
                .with_wait(self.settings.wait);
            let worker = self.settings.id.as_str();
            let span = tracing::debug_span!("batch", worker, tasks = Empty);
            let claiming = tracing::debug_span!(parent: &span, "claim");
            let claimed = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                claimed = self.api.claim(request).instrument(claiming) => claimed,
            };
            match &claimed {
                Ok(tasks) => {
                    number += 1;
                    self.tracker.claimed(tasks.len());
                    self.tracker.connected(true);
                    unknown.reset();
                    if suspended {
                        tracing::info!("reinstated");
                        self.tracker.suspended(false);
                        suspended = false;
                    }
                }
                Err(error) => self.tracker.failed("claim", error),
            }
            if claimed.is_ok() && !backoff.is_fresh() {
                tracing::info!("the coordinator is back");
                backoff.reset();
            }
            match claimed {
                // A coordinator that does not hold claims must not be asked without pause.
                Ok(tasks) if tasks.is_empty() => {
                    self.pause(POLL.saturating_sub(asked.elapsed())).await;
                }
                Ok(tasks) => {
                    self.hold(tasks.iter().map(|task| task.task));
                    self.count(|report| report.claimed += tasks.len() as u64);
                    span.record("tasks", tasks.len());
                    room.send(Batch { span, tasks });
                }
                Err(error) if error.code() == ErrorCode::UnknownWorker => {
                    tracing::warn!("the coordinator does not know this worker; registering again");
                    self.pause(unknown.next(None)).await;
                    if !self.register().await? {
                        return Ok(());
                    }
                }
                Err(error) if error.code() == ErrorCode::Suspended => {
                    // Somebody may reinstate it; until then it asks now and then.
                    if !suspended {
                        tracing::warn!("{error}; asking again until it is reinstated");
                        self.tracker.suspended(true);
                        suspended = true;
                    }
                    self.pause(error.retry_after().unwrap_or(SUSPENDED)).await;
                }
                Err(error) => {
                    self.tracker.connected(false);
                    let pause = self.bear(error, &mut backoff, "cannot claim tasks")?;
                    self.pause(pause).await;
                }
            }
        }
    }
}
