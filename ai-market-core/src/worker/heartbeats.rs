use std::error::Error;

use tokio::time::{sleep, timeout};

use crate::api::{ErrorCode, Heartbeat};

use super::WorkerError;
use super::backoff::Backoff;
use super::session::Session;

impl Session<'_> {
    /// Sends heartbeats until the coordinator says that going on makes no sense.
    pub(super) async fn send_heartbeats(&self) -> WorkerError {
        let mut backoff = Backoff::default();
        let mut pause = self.heartbeat_interval();
        loop {
            sleep(pause).await;
            let interval = self.heartbeat_interval();
            let heartbeat = Heartbeat::new(self.settings.id.clone())
                .with_instance(self.instance.clone())
                .with_tasks(self.held());
            // One that hangs must not take the place of the next.
            let reply = timeout(interval, self.api.heartbeat(heartbeat)).await;
            pause = interval;
            if let Ok(Err(error)) = &reply {
                self.tracker.failed("heartbeat", error);
            }
            match reply {
                Ok(Ok(reply)) => {
                    backoff.reset();
                    for task in reply.gone {
                        if self.drop_task(task) {
                            tracing::debug!(%task, "a lease is gone");
                        }
                    }
                }
                // What it holds stays held until a heartbeat or an answer finds it gone.
                Ok(Err(error)) if error.code() == ErrorCode::UnknownWorker => {
                    tracing::warn!("the coordinator does not know this worker; registering again");
                    if let Err(error) = self.register().await {
                        return error;
                    }
                }
                Ok(Err(error)) if error.code() == ErrorCode::Superseded => {
                    return self.refused(error);
                }
                Ok(Err(error)) => {
                    tracing::debug!(error = &error as &dyn Error, "a heartbeat failed");
                    pause = backoff.next(error.retry_after()).min(interval);
                }
                Err(_) => {
                    tracing::debug!("a heartbeat was not answered in time");
                    pause = backoff.next(None).min(interval);
                }
            }
        }
    }
}
