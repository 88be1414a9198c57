use std::error::Error;

use tokio::sync::mpsc::{Receiver, Sender};

use crate::api::ReleaseRequest;
use crate::assignment::Assignment;
use crate::id::TaskId;
use crate::inference::{InferenceError, InferenceInput};
use crate::submission::Vote;

use super::WorkerError;
use super::session::Session;

impl Session<'_> {
    /// Answers one batch after the other.
    pub(super) async fn compute_all(
        &self,
        mut batches: Receiver<Vec<Assignment>>,
        to_hand_in: Sender<Vec<Vote>>,
    ) -> Result<(), WorkerError> {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { return Ok(()) };
            let votes = self.compute(batch).await?;
            if !votes.is_empty() && to_hand_in.send(votes).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn compute(&self, batch: Vec<Assignment>) -> Result<Vec<Vote>, WorkerError> {
        // What a heartbeat found gone meanwhile need not be computed.
        let batch: Vec<_> = batch
            .into_iter()
            .filter(|task| self.holds(task.task))
            .collect();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let inputs = batch
            .iter()
            .map(|task| InferenceInput::new(task.task_type.clone(), task.text.clone()))
            .collect();
        let answers = self.backend.infer(inputs).await;
        let model = &self.backend.model().identity;
        let mut votes = Vec::with_capacity(batch.len());
        let mut answers = answers.into_iter();
        for task in batch {
            let answer = answers
                .next()
                .unwrap_or_else(|| Err(InferenceError::failed("the model gave no answer")));
            match answer {
                Ok(prediction) => {
                    let (label, confidence) = (prediction.label, prediction.confidence);
                    let mut vote =
                        Vote::new(task.task, self.settings.id.clone(), label, confidence)
                            .with_model(model.clone())
                            .with_truncated(prediction.truncated);
                    vote.scores = prediction.scores;
                    votes.push(vote);
                }
                Err(InferenceError::Stopped) => return Err(WorkerError::ModelStopped),
                Err(error) => self.give_up(task.task, chain(&error)).await,
            }
        }
        Ok(votes)
    }

    /// Gives a task back that the model could not answer.
    pub(super) async fn give_up(&self, task: TaskId, reason: String) {
        tracing::warn!(%task, reason, "cannot answer a task");
        self.drop_task(task);
        self.count(|report| report.failed += 1);
        let request = ReleaseRequest::new(self.settings.id.clone(), vec![task])
            .with_instance(self.instance.clone())
            .failed(reason);
        if let Err(error) = self.api.release(request).await {
            tracing::warn!(
                %task,
                error = &error as &dyn Error,
                "could not give it back; it goes to another worker when its lease runs out"
            );
        }
    }
}

/// What an error says, with all its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
