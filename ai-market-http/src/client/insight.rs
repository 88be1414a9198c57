use std::time::Duration;

use ai_market_core::api::{
    ApiError, ErrorCode, ModelReport, TaskTypeReport, WorkerReport, WorkerStatus,
};
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{TallyQuery, TallyRow, WorkerQuery};
use ai_market_core::submission::ModelIdentity;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::wire::{
    By, ModelBody, ModelCursor, ReinstateRequest, SuspendRequest, TallyEntry, TaskTypeBody,
    WorkerBody, WorkerDetailsBody, percent_encode,
};

use super::HttpClient;

impl HttpClient {
    pub(super) async fn tally_page(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError> {
        let by = By::of(query.by).filter(|_| query.worker.is_none());
        let Some(by) = by else {
            let message = "a coordinator tells tallies apart by worker, model or task type alone";
            return Err(ApiError::invalid("by", message));
        };
        let mut pairs = vec![("by", by.as_str().to_owned())];
        if let Some(task_type) = query.task_type {
            pairs.push(("task_type", task_type.to_string()));
        }
        if let Some((points, group)) = &query.after {
            let cursor = By::cursor(*points, group).map(|cursor| cursor.to_string());
            pairs.extend(cursor.map(|cursor| ("cursor", cursor)));
        }
        self.page::<TallyEntry, _>("leaderboard", pairs, query.limit)
            .await
    }

    pub(super) async fn worker_page(
        &self,
        query: WorkerQuery,
    ) -> Result<Vec<WorkerStatus>, ApiError> {
        let after = query.after.map(|worker| ("cursor", worker.to_string()));
        let pairs = after.into_iter().collect();
        self.page::<WorkerBody, _>("workers", pairs, query.limit)
            .await
    }

    pub(super) async fn worker_report(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
        let path = worker_path(&id, "")?;
        let details: WorkerDetailsBody = self.get(&path, &[]).await?;
        Ok(details.into())
    }

    pub(super) async fn model_page(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        let after = after.map(|model| ("cursor", ModelCursor(model).to_string()));
        let pairs = after.into_iter().collect();
        self.page::<ModelBody, _>("models", pairs, limit).await
    }

    pub(super) async fn task_type_page(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        let after = after.map(|task_type| ("cursor", task_type.to_string()));
        let pairs = after.into_iter().collect();
        self.page::<TaskTypeBody, _>("task-types", pairs, limit)
            .await
    }

    /// Suspends a worker by hand, for tasks of a type or for all, until it is reinstated.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](ErrorCode::UnknownWorker) when there is none of this id,
    /// [`Invalid`](ErrorCode::Invalid) when the reason is empty or too long,
    /// [`Forbidden`](ErrorCode::Forbidden) when the client may not.
    pub async fn suspend(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
        reason: &str,
    ) -> Result<(), ApiError> {
        let body = SuspendRequest::new(reason, task_type);
        let path = worker_path(worker, "/suspend")?;
        let _: Done = self.post(&path, &body).await?;
        Ok(())
    }

    /// Makes a worker active again, for tasks of a type or for all.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](ErrorCode::UnknownWorker) when there is none of this id,
    /// [`Forbidden`](ErrorCode::Forbidden) when the client may not.
    pub async fn reinstate(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
    ) -> Result<(), ApiError> {
        let mut body = ReinstateRequest::default();
        body.task_type.0 = task_type;
        let path = worker_path(worker, "/reinstate")?;
        let _: Done = self.post(&path, &body).await?;
        Ok(())
    }

    async fn page<B: DeserializeOwned, T: From<B>>(
        &self,
        path: &str,
        mut pairs: Vec<(&str, String)>,
        limit: usize,
    ) -> Result<Vec<T>, ApiError> {
        pairs.push(("limit", limit.to_string()));
        let page: Vec<B> = self.get_waiting(path, &pairs, Duration::ZERO).await?;
        Ok(page.into_iter().map(T::from).collect())
    }
}

#[derive(Deserialize)]
struct Done {}

fn worker_path(worker: &WorkerId, rest: &str) -> Result<String, ApiError> {
    // In a URL these name no part of a path but lead elsewhere, however they are written.
    if matches!(worker.as_str(), "." | "..") {
        let message = format!("a URL cannot name the worker {worker}");
        return Err(ApiError::new(ErrorCode::Invalid, message).with_field("worker_id"));
    }
    Ok(format!("workers/{}{rest}", percent_encode(worker.as_str())))
}
