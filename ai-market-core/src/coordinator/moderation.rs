use crate::api::ApiError;
use crate::id::{TaskType, WorkerId};
use crate::market::{Ruling, StandingChange, StandingChanged};

use super::Coordinator;
use super::reply::no_worker;

impl Coordinator {
    /// The longest reason of a suspension, in bytes of UTF-8.
    pub const MAX_REASON_BYTES: usize = 1_000;

    /// Suspends a worker by hand, for tasks of a type or for all: it gets no more of them, and those
    /// that it holds go to others at once. It stays so until it is reinstated.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](crate::api::ErrorCode::UnknownWorker) when there is none of this id,
    /// [`Invalid`](crate::api::ErrorCode::Invalid) when the reason is empty, longer than
    /// [`MAX_REASON_BYTES`](Self::MAX_REASON_BYTES) or holds control characters; or the store fails.
    pub async fn suspend(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
        reason: &str,
    ) -> Result<(), ApiError> {
        let blank = reason.trim().is_empty();
        let long = reason.len() > Self::MAX_REASON_BYTES;
        if blank || long || reason.chars().any(char::is_control) {
            let message = format!(
                "a reason has 1 to {} bytes without control characters",
                Self::MAX_REASON_BYTES
            );
            return Err(ApiError::invalid("reason", message));
        }
        self.rule(worker, task_type, Ruling::Suspend(reason.trim().to_owned()))
            .await
    }

    /// Makes a worker active again, for tasks of a type or for all, whoever or whatever had
    /// suspended it. What it answered before no longer speaks against it.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](crate::api::ErrorCode::UnknownWorker) when there is none of this id; or the
    /// store fails.
    pub async fn reinstate(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
    ) -> Result<(), ApiError> {
        self.rule(worker, task_type, Ruling::Reinstate).await
    }

    async fn rule(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
        ruling: Ruling,
    ) -> Result<(), ApiError> {
        let mut change = StandingChange::new(worker.clone(), ruling);
        change.task_type = task_type;
        match self.inner.market.set_standing(change).await? {
            StandingChanged::UnknownWorker => Err(no_worker(worker)),
            StandingChanged::Done(_) => Ok(()),
        }
    }
}
