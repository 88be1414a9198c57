//! Errors that several routes answer with.

use std::time::Duration;

use crate::api::{ApiError, ErrorCode};
use crate::id::{TaskId, WorkerId};
use crate::store::StoreError;

/// One failure of the store for every item of a batch that had passed so far.
pub(super) fn fail_all<T, R>(
    results: Vec<Result<T, ApiError>>,
    error: StoreError,
) -> Vec<Result<R, ApiError>> {
    let error = ApiError::from(error);
    results
        .into_iter()
        .map(|result| Err(result.err().unwrap_or_else(|| error.clone())))
        .collect()
}

pub(super) fn unknown_task(task: TaskId) -> ApiError {
    ApiError::new(ErrorCode::UnknownTask, format!("there is no task {task}"))
}

pub(super) fn unknown_worker(worker: &WorkerId) -> ApiError {
    let message = format!("there is no worker {worker}; it must register first");
    ApiError::new(ErrorCode::UnknownWorker, message)
}

pub(super) fn no_worker(worker: &WorkerId) -> ApiError {
    ApiError::new(
        ErrorCode::UnknownWorker,
        format!("there is no worker {worker}"),
    )
}

/// Being reinstated takes somebody who decides it, so asking often makes no sense.
pub(super) fn suspended(worker: &WorkerId, reason: &str) -> ApiError {
    let message = format!("worker {worker} is suspended: {reason}");
    ApiError::new(ErrorCode::Suspended, message).with_retry_after(Duration::from_secs(30))
}

pub(super) fn superseded(worker: &WorkerId) -> ApiError {
    let message = format!("another instance of worker {worker} has registered");
    ApiError::new(ErrorCode::Superseded, message)
}

pub(super) fn market_full(max: u64) -> ApiError {
    let message = format!("{max} tasks are open, which is the most; try again when some are done");
    ApiError::new(ErrorCode::MarketFull, message).with_retry_after(Duration::from_secs(5))
}

pub(super) fn too_many_names(what: &str, max: u64) -> ApiError {
    let message = format!("{max} {what} are in use, which is the most; no new one is taken");
    ApiError::new(ErrorCode::MarketFull, message).with_retry_after(Duration::from_secs(60))
}

pub(super) fn too_many_waiting() -> ApiError {
    ApiError::new(
        ErrorCode::TooManyRequests,
        "too many requests wait already; try again soon",
    )
    .with_retry_after(Duration::from_secs(1))
}
