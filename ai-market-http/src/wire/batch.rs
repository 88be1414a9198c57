use ai_market_core::api::{ApiError, ErrorCode, Receipt};
use ai_market_core::id::{TaskId, WorkerId};
use poem_openapi::{Object, Union};
use serde::{Deserialize, Serialize};

use super::vote::SubmissionRequest;
use super::{ErrorBody, Field, ReceiptBody, TaskCreated, TaskRequest};

/// Tasks to be answered.
///
/// It is written and read item by item; as a whole it is for the OpenAPI document alone.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "TaskBatch")]
pub(crate) struct TaskBatch {
    /// The tasks. One that cannot be created, whatever is wrong with it, gets an error in its place
    /// of the results.
    tasks: Vec<TaskRequest>,
}

impl TaskBatch {
    /// The field with the tasks.
    pub(crate) const ITEMS: &str = "tasks";
}

/// A worker's answers to several tasks.
///
/// It is written and read item by item; as a whole it is for the OpenAPI document alone.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "VoteBatch")]
pub(crate) struct SubmissionBatch {
    /// Who answers.
    worker_id: Field<WorkerId>,
    /// The answers. One that does not count, whatever is wrong with it, gets an error in its place of
    /// the results.
    submissions: Vec<SubmissionRequest>,
}

impl SubmissionBatch {
    /// The field with the answers.
    pub(crate) const ITEMS: &str = "submissions";
}

/// What a [`SubmissionBatch`] has beside its items.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct SubmissionBatchHead {
    pub(crate) worker_id: Field<WorkerId>,
}

impl SubmissionBatchHead {
    /// The one field of it.
    pub(crate) const WORKER_ID: &str = "worker_id";
}

/// What became of the tasks of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub(crate) struct TaskBatchResults {
    /// One result for each task, in the order of the tasks.
    results: Vec<TaskResult>,
    /// How many tasks are there now: those that were created, and those that were there under the
    /// same idempotency key.
    #[serde(default)]
    accepted: Field<u64>,
    /// How many got an error.
    #[serde(default)]
    rejected: Field<u64>,
}

/// The id of a task, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Union)]
#[serde(untagged)]
enum TaskResult {
    Created(TaskCreated),
    Rejected(ErrorBody),
}

/// What became of the answers of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub(crate) struct SubmissionBatchResults {
    /// One result for each answer, in the order of the answers.
    results: Vec<SubmissionResult>,
}

/// That an answer counts, or why it does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Union)]
#[serde(untagged)]
enum SubmissionResult {
    Accepted(ReceiptBody),
    Rejected(ErrorBody),
}

/// The results of a batch, as the two sides know them.
pub(crate) trait BatchResults {
    /// The result of an item that was taken.
    type Item;

    fn into_results(self) -> Vec<Result<Self::Item, ApiError>>;
}

/// The error of an item that the other side meant.
fn rejected(body: ErrorBody) -> ApiError {
    body.into_error(ErrorCode::Internal, None)
}

impl From<Vec<Result<TaskId, ApiError>>> for TaskBatchResults {
    fn from(results: Vec<Result<TaskId, ApiError>>) -> Self {
        let accepted = results.iter().flatten().count();
        let rejected = results.len() - accepted;
        let results = results.into_iter().map(|result| match result {
            Ok(id) => TaskResult::Created(TaskCreated { task_id: Field(id) }),
            Err(error) => TaskResult::Rejected(ErrorBody::of_item(&error)),
        });
        Self {
            results: results.collect(),
            accepted: Field(u64::try_from(accepted).unwrap_or(u64::MAX)),
            rejected: Field(u64::try_from(rejected).unwrap_or(u64::MAX)),
        }
    }
}

impl BatchResults for TaskBatchResults {
    type Item = TaskId;

    fn into_results(self) -> Vec<Result<TaskId, ApiError>> {
        let results = self.results.into_iter();
        let results = results.map(|result| match result {
            TaskResult::Created(created) => Ok(created.into()),
            TaskResult::Rejected(body) => Err(rejected(body)),
        });
        results.collect()
    }
}

impl From<Vec<Result<Receipt, ApiError>>> for SubmissionBatchResults {
    fn from(results: Vec<Result<Receipt, ApiError>>) -> Self {
        let results = results.into_iter().map(|result| match result {
            Ok(receipt) => SubmissionResult::Accepted(receipt.into()),
            Err(error) => SubmissionResult::Rejected(ErrorBody::of_item(&error)),
        });
        Self {
            results: results.collect(),
        }
    }
}

impl BatchResults for SubmissionBatchResults {
    type Item = Receipt;

    fn into_results(self) -> Vec<Result<Receipt, ApiError>> {
        let results = self.results.into_iter();
        let results = results.map(|result| match result {
            SubmissionResult::Accepted(receipt) => Ok(receipt.into()),
            SubmissionResult::Rejected(body) => Err(rejected(body)),
        });
        results.collect()
    }
}
