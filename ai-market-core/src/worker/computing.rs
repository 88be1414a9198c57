use std::error::Error;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::assignment::Assignment;
use crate::id::TaskId;
use crate::inference::{InferenceBackendExt, InferenceError, InferenceInput};
use crate::submission::Vote;

use super::WorkerError;
use super::session::Session;

/// Tasks that were claimed together.
#[derive(Debug)]
pub(super) struct Batch {
    /// The span of all that is done for them.
    pub(super) span: Span,
    pub(super) tasks: Vec<Assignment>,
}

/// What became of a batch: answers, and tasks that the model could not answer with the reasons.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) span: Span,
    pub(super) votes: Vec<Vote>,
    pub(super) failures: Vec<(TaskId, String)>,
}

impl Session<'_> {
    /// Answers one batch after the other.
    pub(super) async fn compute_all(
        &self,
        mut batches: Receiver<Batch>,
        to_hand_in: Sender<Computed>,
    ) -> Result<(), WorkerError> {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                batch = batches.recv() => batch,
            };
            let Some(Batch { span, tasks }) = batch else {
                return Ok(());
            };
            // What a heartbeat found gone meanwhile need not be computed.
            let tasks: Vec<_> = tasks
                .into_iter()
                .filter(|task| self.holds(task.task))
                .collect();
            if tasks.is_empty() {
                continue;
            }
            let computing = tracing::debug_span!(parent: &span, "compute");
            let batch = Batch { span, tasks };
            let computed = self.compute(batch).instrument(computing).await?;
            if to_hand_in.send(computed).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn compute(&self, batch: Batch) -> Result<Computed, WorkerError> {
        let Batch { span, tasks: batch } = batch;
        let inputs = batch
            .iter()
            .map(|task| InferenceInput::new(task.task_type.clone(), task.text.clone()))
            .collect();
        let tasks = batch.len();
        self.tracker.computing(tasks);
        let start = Instant::now();
        let answers = self.backend.infer(inputs).await;
        let read = answers.iter().flatten().filter_map(|answer| answer.tokens);
        let tokens = read.map(u64::from).sum();
        self.tracker.computed(tasks, tokens, start.elapsed());
        let mut answers = answers.into_iter();
        let mut computed = Computed {
            span,
            votes: Vec::new(),
            failures: Vec::new(),
        };
        for task in batch {
            let answer = answers
                .next()
                .unwrap_or_else(|| Err(InferenceError::failed("the model gave no answer")));
            match answer {
                Ok(prediction) => {
                    let (label, confidence) = (prediction.label, prediction.confidence);
                    let worker = self.settings.id.clone();
                    let mut vote = Vote::new(task.task, worker, label, confidence)
                        .with_truncated(prediction.truncated);
                    vote.scores = prediction.scores;
                    let model = self.backend.model_for(&task.task_type);
                    vote.model = model.map(|model| model.identity.clone());
                    computed.votes.push(vote);
                }
                Err(InferenceError::Stopped) => return Err(WorkerError::ModelStopped),
                Err(error) => computed.failures.push((task.task, chain(&error))),
            }
        }
        Ok(computed)
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
