use ai_market_core::api::Receipt;
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskId, WorkerId};
use ai_market_core::submission::{Scores, Vote};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::Field;
use super::model::Model;

/// A worker's answer to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Vote")]
pub(crate) struct SubmitRequest {
    /// Who answers.
    worker_id: Field<WorkerId>,
    /// The task that is answered.
    task_id: Field<TaskId>,
    /// The answer.
    label: Field<Label>,
    /// How sure the model is of it.
    confidence: Field<Confidence>,
    /// The probabilities of all labels.
    #[serde(default)]
    scores: Field<Option<Scores>>,
    /// The model that answered; the registered one where it is absent.
    #[serde(default)]
    model: Field<Option<Model>>,
    /// Whether the text was cut to what the model can read.
    #[serde(default)]
    truncated: Field<Option<bool>>,
}

impl From<SubmitRequest> for Vote {
    fn from(request: SubmitRequest) -> Self {
        let answer = SubmissionRequest {
            task_id: request.task_id,
            label: request.label,
            confidence: request.confidence,
            scores: request.scores,
            model: request.model,
            truncated: request.truncated,
        };
        answer.into_vote(request.worker_id.0)
    }
}

impl SubmitRequest {
    /// An answer of `worker` alone.
    pub(crate) fn new(worker: WorkerId, answer: SubmissionRequest) -> Self {
        Self {
            worker_id: Field(worker),
            task_id: answer.task_id,
            label: answer.label,
            confidence: answer.confidence,
            scores: answer.scores,
            model: answer.model,
            truncated: Field(Some(answer.truncated.0.unwrap_or_default())),
        }
    }
}

/// One of several answers of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "BatchedVote")]
pub(crate) struct SubmissionRequest {
    /// The task that is answered.
    task_id: Field<TaskId>,
    /// The answer.
    label: Field<Label>,
    /// How sure the model is of it.
    confidence: Field<Confidence>,
    /// The probabilities of all labels.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    scores: Field<Option<Scores>>,
    /// The model that answered; the registered one where it is absent.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    model: Field<Option<Model>>,
    /// Whether the text was cut to what the model can read.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    truncated: Field<Option<bool>>,
}

impl SubmissionRequest {
    pub(crate) fn into_vote(self, worker: WorkerId) -> Vote {
        let mut vote = Vote::new(self.task_id.0, worker, self.label.0, self.confidence.0);
        vote.scores = self.scores.0;
        vote.model = self.model.0.map(|model| model.0);
        vote.truncated = self.truncated.0.unwrap_or_default();
        vote
    }
}

impl From<Vote> for SubmissionRequest {
    fn from(vote: Vote) -> Self {
        Self {
            task_id: Field(vote.task),
            label: Field(vote.label),
            confidence: Field(vote.confidence),
            scores: Field(vote.scores),
            model: Field(vote.model.map(Model)),
            truncated: Field(vote.truncated.then_some(true)),
        }
    }
}

/// The answer counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Receipt")]
pub(crate) struct ReceiptBody {
    ok: bool,
    /// Whether the task has its final label.
    #[serde(default)]
    finalized: Field<bool>,
    /// True where the worker had answered before; the first answer stands.
    #[serde(default, skip_serializing_if = "is_absent")]
    duplicate: Field<Option<bool>>,
}

fn is_absent(field: &Field<Option<bool>>) -> bool {
    field.0.is_none()
}

impl From<Receipt> for ReceiptBody {
    fn from(receipt: Receipt) -> Self {
        let duplicate = matches!(receipt, Receipt::Duplicate { .. });
        Self {
            ok: true,
            finalized: Field(receipt.finalized()),
            duplicate: Field(duplicate.then_some(true)),
        }
    }
}

impl From<ReceiptBody> for Receipt {
    fn from(body: ReceiptBody) -> Self {
        let finalized = body.finalized.0;
        if body.duplicate.0 == Some(true) {
            Self::Duplicate { finalized }
        } else {
            Self::Accepted { finalized }
        }
    }
}
