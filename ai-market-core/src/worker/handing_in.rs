use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;
use tracing::Instrument;

use crate::api::{ApiError, ErrorCode, Receipt, ReleaseRequest};
use crate::id::TaskId;
use crate::submission::Vote;

use super::WorkerError;
use super::backoff::Backoff;
use super::computing::{Computed, chain};
use super::session::{Session, may_pass};

/// How often an answer is handed in that the coordinator fails on by a fault of its own.
const MAX_FAULTS: u32 = 5;

impl Session<'_> {
    /// Hands in one batch after the other: answers, and what could not be answered.
    pub(super) async fn hand_in_all(
        &self,
        mut batches: Receiver<Computed>,
    ) -> Result<(), WorkerError> {
        while let Some(computed) = batches.recv().await {
            let handing_in = tracing::debug_span!(parent: &computed.span, "hand_in");
            self.finish(computed).instrument(handing_in).await?;
        }
        Ok(())
    }

    async fn finish(&self, computed: Computed) -> Result<(), WorkerError> {
        let mut failures = computed.failures;
        failures.extend(self.hand_in(computed.votes).await?);
        for (task, reason) in failures {
            self.give_up(task, reason).await?;
        }
        Ok(())
    }

    /// Hands in answers until each is taken or refused, as long as their leases stand.
    ///
    /// Returns the tasks whose answers the coordinator will not take from anybody.
    async fn hand_in(&self, mut votes: Vec<Vote>) -> Result<Vec<(TaskId, String)>, WorkerError> {
        let mut backoff = Backoff::default();
        let mut faults = 0;
        let mut failures = Vec::new();
        loop {
            votes.retain(|vote| {
                let held = self.holds(vote.task);
                if !held {
                    self.too_late(vote, "its lease is gone");
                }
                held
            });
            if votes.is_empty() {
                return Ok(failures);
            }
            let results = self.api.submit(votes.clone()).await;
            let mut again = Vec::new();
            let mut passing = None;
            let mut taken = 0_u64;
            for (vote, result) in votes.into_iter().zip(results) {
                if let Err(error) = &result {
                    self.tracker.failed("submit", error);
                }
                match result {
                    Ok(Receipt::Accepted { .. } | Receipt::Duplicate { .. }) => {
                        self.drop_task(vote.task);
                        taken += 1;
                    }
                    Err(error) if error.code() == ErrorCode::Internal && faults >= MAX_FAULTS => {
                        failures.push((vote.task, chain(&error)));
                    }
                    Err(error) if may_pass(&error) => {
                        passing = Some(error);
                        again.push(vote);
                    }
                    Err(error) => failures.extend(self.refuse(&vote, error)?),
                }
            }
            if taken > 0 {
                self.count(|report| report.accepted += taken);
                tracing::debug!(answers = taken, "handed in");
            }
            let Some(error) = passing else {
                return Ok(failures);
            };
            faults += u32::from(error.code() == ErrorCode::Internal);
            // Also after being told to stop: the grace ends it.
            sleep(self.bear(error, &mut backoff, "cannot hand in answers")?).await;
            votes = again;
        }
    }

    fn refuse(
        &self,
        vote: &Vote,
        error: ApiError,
    ) -> Result<Option<(TaskId, String)>, WorkerError> {
        match error.code() {
            ErrorCode::Closed | ErrorCode::NotAssigned | ErrorCode::UnknownTask => {
                self.drop_task(vote.task);
                self.too_late(vote, &error.to_string());
                Ok(None)
            }
            ErrorCode::Invalid
            | ErrorCode::Malformed
            | ErrorCode::TooLarge
            | ErrorCode::OtherModel => Ok(Some((vote.task, chain(&error)))),
            _ => Err(self.refused(error)),
        }
    }

    /// Gives a task back that was not answered, for this reason.
    async fn give_up(&self, task: TaskId, reason: String) -> Result<(), WorkerError> {
        tracing::warn!(%task, reason, "cannot answer a task");
        self.count(|report| report.failed += 1);
        let request = ReleaseRequest::new(self.settings.id.clone(), vec![task])
            .with_instance(self.instance.clone())
            .failed(reason);
        let mut backoff = Backoff::default();
        while self.holds(task) {
            match self.api.release(request.clone()).await {
                Ok(_) => {
                    self.drop_task(task);
                }
                Err(error) => {
                    self.tracker.failed("release", &error);
                    sleep(self.bear(error, &mut backoff, "cannot give a task back")?).await;
                }
            }
        }
        Ok(())
    }

    fn too_late(&self, vote: &Vote, why: &str) {
        tracing::warn!(task = %vote.task, why, "an answer came too late");
        self.count(|report| report.too_late += 1);
    }
}
