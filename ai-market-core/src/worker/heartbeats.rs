use std::error::Error;

use tokio::time::sleep;

use crate::api::{ErrorCode, Heartbeat};

use super::WorkerError;
use super::session::Session;

impl Session<'_> {
    /// Sends heartbeats until the coordinator says that going on makes no sense.
    pub(super) async fn send_heartbeats(&self) -> WorkerError {
        loop {
            sleep(self.heartbeat_interval()).await;
            let held = self.held();
            let heartbeat = Heartbeat::new(self.settings.id.clone())
                .with_instance(self.instance.clone())
                .with_tasks(held);
            match self.api.heartbeat(heartbeat).await {
                Ok(reply) => {
                    for task in reply.gone {
                        if self.drop_task(task) {
                            tracing::debug!(%task, "a lease is gone");
                        }
                    }
                }
                Err(error) if error.code() == ErrorCode::UnknownWorker => {
                    tracing::warn!("the coordinator does not know this worker; registering again");
                    self.drop_all();
                    if let Err(error) = self.register().await {
                        return error;
                    }
                }
                Err(error) if error.code() == ErrorCode::Superseded => return self.refused(error),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn Error, "a heartbeat failed");
                }
            }
        }
    }
}
