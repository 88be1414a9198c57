use ai_market_core::api::{Receipt, TaskSpec};
use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::submission::Vote;
use serde::Serialize;

use crate::wire::{
    ReceiptBody, SubmissionBatch, SubmissionBatchHead, SubmissionBatchResults, SubmissionRequest,
    SubmitRequest, TaskBatch, TaskBatchResults, TaskCreated, TaskRequest,
};

use super::HttpClient;
use super::batch::BatchItem;
use super::batch_route::BatchRoute;

/// A task on its way to a coordinator.
pub(super) struct TaskItem(TaskRequest);

impl From<TaskSpec> for TaskItem {
    fn from(spec: TaskSpec) -> Self {
        Self(spec.into())
    }
}

impl BatchItem for TaskItem {
    const SINGLE: &'static str = "tasks";
    const BATCH: &'static str = "tasks/batch";
    const LIST: &'static str = TaskBatch::ITEMS;

    type Reply = TaskCreated;
    type Replies = TaskBatchResults;
    type Done = TaskId;

    fn route(client: &HttpClient) -> &BatchRoute {
        &client.inner.task_batches
    }

    fn goes_with(&self, _other: &Self) -> bool {
        true
    }

    fn head(&self) -> serde_json::Result<String> {
        Ok(String::new())
    }

    fn within_list(&self) -> impl Serialize {
        &self.0
    }

    fn alone(self) -> impl Serialize {
        self.0
    }
}

/// A vote on its way to a coordinator.
pub(super) struct VoteItem {
    worker: WorkerId,
    answer: SubmissionRequest,
}

impl From<Vote> for VoteItem {
    fn from(vote: Vote) -> Self {
        Self {
            worker: vote.worker.clone(),
            answer: vote.into(),
        }
    }
}

impl BatchItem for VoteItem {
    const SINGLE: &'static str = "workers/submit";
    const BATCH: &'static str = "workers/submit/batch";
    const LIST: &'static str = SubmissionBatch::ITEMS;

    type Reply = ReceiptBody;
    type Replies = SubmissionBatchResults;
    type Done = Receipt;

    fn route(client: &HttpClient) -> &BatchRoute {
        &client.inner.vote_batches
    }

    fn goes_with(&self, other: &Self) -> bool {
        self.worker == other.worker
    }

    fn head(&self) -> serde_json::Result<String> {
        let worker = serde_json::to_string(&self.worker)?;
        Ok(format!("\"{}\":{worker},", SubmissionBatchHead::WORKER_ID))
    }

    fn within_list(&self) -> impl Serialize {
        &self.answer
    }

    fn alone(self) -> impl Serialize {
        SubmitRequest::new(self.worker, self.answer)
    }
}
