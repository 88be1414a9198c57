use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{TaskType, WorkerId};
use crate::store::{TallyQuery, TallyRow, WorkerQuery};
use crate::submission::ModelIdentity;

use super::{Activity, ApiError, ModelReport, TaskTypeReport, WorkerReport, WorkerStatus};

/// What an operator asks of a coordinator: who is there, and how good each worker and model is.
///
/// [`Coordinator`](crate::coordinator::Coordinator) implements it in process, an HTTP client over
/// the wire. Reading is safe to repeat.
#[async_trait]
pub trait InsightApi: Debug + Send + Sync + 'static {
    /// A page of tallies: the leaderboard by worker, model or task type; fewer than the query's
    /// limit (at most the coordinator's largest page) mean the end.
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError>;

    /// A page of workers, ordered by id; fewer than the query's limit (at most the coordinator's
    /// largest page) mean the end.
    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError>;

    /// A worker, with how it did.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](super::ErrorCode::UnknownWorker) when there is none of this id.
    async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError>;

    /// A page of the models that are run or have answered, ordered by their identity, with that of
    /// those that do not say theirs first: at most `limit` after one; fewer than that (at most the
    /// coordinator's largest page) mean the end.
    async fn models(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError>;

    /// A page of the task types that have a task or a worker, ordered by name: at most `limit`
    /// after one; fewer than that (at most the coordinator's largest page) mean the end.
    async fn task_types(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError>;

    /// What the coordinator did in the last ten minutes.
    async fn activity(&self) -> Result<Activity, ApiError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: InsightApi + ?Sized> InsightApi for $pointer<A> {
            async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError> {
                (**self).tallies(query).await
            }

            async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError> {
                (**self).workers(query).await
            }

            async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
                (**self).worker(id).await
            }

            async fn models(
                &self,
                after: Option<Option<ModelIdentity>>,
                limit: usize,
            ) -> Result<Vec<ModelReport>, ApiError> {
                (**self).models(after, limit).await
            }

            async fn task_types(
                &self,
                after: Option<TaskType>,
                limit: usize,
            ) -> Result<Vec<TaskTypeReport>, ApiError> {
                (**self).task_types(after, limit).await
            }

            async fn activity(&self) -> Result<Activity, ApiError> {
                (**self).activity().await
            }
        }
    )*};
}

forward!(Arc, Box);
