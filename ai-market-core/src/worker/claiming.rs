use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};

use crate::api::{ClaimRequest, ErrorCode};
use crate::assignment::Assignment;

use super::WorkerError;
use super::backoff::Backoff;
use super::session::Session;

/// How long to wait between two claims where the coordinator does not hold them.
const POLL: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Claims one batch after the other, each when there is room for it.
    pub(super) async fn claim_all(
        &self,
        to_compute: Sender<Vec<Assignment>>,
    ) -> Result<(), WorkerError> {
        let mut backoff = Backoff::default();
        loop {
            let room = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                room = to_compute.reserve() => room,
            };
            let Ok(room) = room else { return Ok(()) };
            let asked = Instant::now();
            let request = ClaimRequest::new(self.settings.id.clone())
                .with_limit(self.settings.batch)
                .with_wait(self.settings.wait);
            let claimed = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                claimed = self.api.claim(request) => claimed,
            };
            match claimed {
                Ok(tasks) if tasks.is_empty() => {
                    backoff.reset();
                    if asked.elapsed() < POLL.min(self.settings.wait) {
                        self.pause(POLL).await;
                    }
                }
                Ok(tasks) => {
                    if !backoff.is_fresh() {
                        tracing::info!("the coordinator is back");
                        backoff.reset();
                    }
                    self.hold(tasks.iter().map(|task| task.task));
                    self.count(|report| report.claimed += tasks.len() as u64);
                    room.send(tasks);
                }
                Err(error) if error.code() == ErrorCode::UnknownWorker => {
                    tracing::warn!("the coordinator does not know this worker; registering again");
                    self.drop_all();
                    if !self.register().await? {
                        return Ok(());
                    }
                }
                Err(error) => self.bear(error, &mut backoff, "cannot claim tasks").await?,
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}
