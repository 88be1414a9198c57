use tokio::sync::mpsc::Receiver;

use crate::api::{ApiError, ErrorCode, Receipt};
use crate::submission::Vote;

use super::WorkerError;
use super::backoff::Backoff;
use super::computing::chain;
use super::session::Session;

impl Session<'_> {
    /// Hands in one batch of answers after the other.
    pub(super) async fn hand_in_all(
        &self,
        mut batches: Receiver<Vec<Vote>>,
    ) -> Result<(), WorkerError> {
        while let Some(votes) = batches.recv().await {
            self.hand_in(votes).await?;
        }
        Ok(())
    }

    /// Hands in answers until each is taken or refused, as long as their leases stand.
    async fn hand_in(&self, mut votes: Vec<Vote>) -> Result<(), WorkerError> {
        let mut backoff = Backoff::default();
        loop {
            votes.retain(|vote| {
                let held = self.holds(vote.task);
                if !held {
                    self.too_late(vote, "its lease is gone");
                }
                held
            });
            let results = self.api.submit(votes.clone()).await;
            let mut again = Vec::new();
            let mut passing = None;
            let mut taken = 0_u64;
            for (vote, result) in votes.into_iter().zip(results) {
                match result {
                    Ok(Receipt::Accepted { .. } | Receipt::Duplicate { .. }) => {
                        self.drop_task(vote.task);
                        taken += 1;
                    }
                    Err(error) if may_pass(&error) => {
                        passing = Some(error);
                        again.push(vote);
                    }
                    Err(error) => self.refuse(&vote, error).await?,
                }
            }
            if taken > 0 {
                self.count(|report| report.accepted += taken);
                tracing::info!(answers = taken, "handed in");
            }
            match passing {
                Some(error) => {
                    self.bear(error, &mut backoff, "cannot hand in answers")
                        .await?;
                    votes = again;
                }
                None => return Ok(()),
            }
        }
    }

    async fn refuse(&self, vote: &Vote, error: ApiError) -> Result<(), WorkerError> {
        match error.code() {
            ErrorCode::Closed | ErrorCode::NotAssigned | ErrorCode::UnknownTask => {
                self.drop_task(vote.task);
                self.too_late(vote, error.message());
                Ok(())
            }
            // The coordinator does not take this answer from anybody.
            ErrorCode::Invalid | ErrorCode::Malformed | ErrorCode::TooLarge => {
                self.give_up(vote.task, chain(&error)).await;
                Ok(())
            }
            _ => Err(self.refused(error)),
        }
    }

    fn too_late(&self, vote: &Vote, why: &str) {
        tracing::warn!(task = %vote.task, why, "an answer came too late");
        self.count(|report| report.too_late += 1);
    }
}

fn may_pass(error: &ApiError) -> bool {
    error.is_transient() || error.code() == ErrorCode::Internal
}
