use serde::{Deserialize, Serialize};

use crate::confidence::Confidence;
use crate::id::{Label, OwnerId, TaskId, WorkerId};
use crate::time::Timestamp;

use super::{ModelIdentity, Scores};

/// One worker's answer to one task, as it hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Vote {
    /// The task that is answered.
    pub task: TaskId,
    /// Who answers.
    pub worker: WorkerId,
    /// The answer.
    pub label: Label,
    /// How sure the model is of it.
    pub confidence: Confidence,
    /// The probabilities of all labels, where the model gives them.
    pub scores: Option<Scores>,
    /// The model that answered; the worker's registered one where it is not said.
    pub model: Option<ModelIdentity>,
    /// Whether the text was cut to what the model can read.
    pub truncated: bool,
}

impl Vote {
    /// An answer without scores, model or truncation.
    #[must_use]
    pub fn new(task: TaskId, worker: WorkerId, label: Label, confidence: Confidence) -> Self {
        Self {
            task,
            worker,
            label,
            confidence,
            scores: None,
            model: None,
            truncated: false,
        }
    }

    /// Adds the probabilities of all labels.
    #[must_use]
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.scores = Some(scores);
        self
    }

    /// Says which model answered.
    #[must_use]
    pub fn with_model(mut self, model: ModelIdentity) -> Self {
        self.model = Some(model);
        self
    }

    /// Says whether the text was cut.
    #[must_use]
    pub fn with_truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }
}

/// An answer that a store has accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Submission {
    /// Who answered.
    pub worker: WorkerId,
    /// Who runs that worker, where it is known.
    pub owner: Option<OwnerId>,
    /// The answer.
    pub label: Label,
    /// How sure the model was of it.
    pub confidence: Confidence,
    /// The probabilities of all labels, where the model gave them.
    pub scores: Option<Scores>,
    /// The model that answered, where it is known.
    pub model: Option<ModelIdentity>,
    /// Whether the text was cut to what the model can read.
    pub truncated: bool,
    /// When the store accepted it.
    pub submitted_at: Timestamp,
    /// Whether it came after the decision, under a lease that stood when the task was decided.
    /// It then changed neither the label nor points.
    pub late: bool,
}

impl Submission {
    /// What a store keeps of `vote`, accepted at `now` from a worker of `owner`.
    #[must_use]
    pub fn accept(vote: Vote, owner: Option<OwnerId>, now: Timestamp, late: bool) -> Self {
        Self {
            worker: vote.worker,
            owner,
            label: vote.label,
            confidence: vote.confidence,
            scores: vote.scores,
            model: vote.model,
            truncated: vote.truncated,
            submitted_at: now,
            late,
        }
    }
}
