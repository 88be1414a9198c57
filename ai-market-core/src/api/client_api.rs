use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::{TaskId, TaskType, WorkerId};
use crate::store::{
    LeaderboardQuery, Place, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, WorkerQuery,
};
use crate::submission::ModelIdentity;
use crate::task::TaskDetails;

use super::{
    Activity, ApiError, EventFeed, Follow, ModelReport, TaskSpec, TaskTypeReport, WorkerReport,
    WorkerStatus,
};

/// The client side of a market: creates tasks, reads results and statistics, follows events.
///
/// [`Coordinator`](crate::coordinator::Coordinator) implements it in process, an HTTP client over
/// the wire.
///
/// - Reading is safe to repeat. Creating a task is safe to repeat if the task has an idempotency
///   key.
/// - Votes are blind: while a task is open, its details contain the number of submissions, but not
///   the submissions.
/// - A page is never larger than the coordinator's largest page: a query's limit above that counts
///   as that. "The limit" below means the lower of the two.
#[async_trait]
pub trait ClientApi: Debug + Send + Sync + 'static {
    /// Creates tasks. Returns one result per task, in order.
    async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>>;

    /// Returns a task with its votes.
    ///
    /// With a `wait`, returns as soon as the task is closed or the time is over. The coordinator
    /// has a longest wait; a longer one counts as that.
    ///
    /// # Errors
    ///
    /// [`UnknownTask`](super::ErrorCode::UnknownTask) when the task does not exist.
    async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError>;

    /// Cancels an open task: its leases end, and answers to it no longer count.
    ///
    /// Returns the task as it is then. Cancelling a cancelled task changes nothing and returns it as it
    /// is, so that it is safe to repeat. The reason is for people; at most 500 bytes of it are kept.
    ///
    /// # Errors
    ///
    /// - [`UnknownTask`](super::ErrorCode::UnknownTask) when the task does not exist;
    /// - [`Closed`](super::ErrorCode::Closed) when it was finalized or failed before;
    /// - [`Forbidden`](super::ErrorCode::Forbidden) when the caller's key is neither an admin key nor a
    ///   client key of the owner who created the task.
    async fn cancel(&self, id: TaskId, reason: Option<String>) -> Result<TaskDetails, ApiError>;

    /// Returns a page of tasks, ordered by age. The page says whether there are more.
    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, ApiError>;

    /// Returns a page of the leaderboard. A page with fewer entries than the limit is the last one.
    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, ApiError>;

    /// Counts tasks, workers and votes.
    async fn stats(&self) -> Result<StoreStats, ApiError>;

    /// Returns a page of tallies: the leaderboard by worker, model or task type. A page with fewer
    /// entries than the limit is the last one.
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError>;

    /// Returns a page of workers, ordered by id. A page with fewer entries than the limit is the
    /// last one.
    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError>;

    /// Returns a worker and its results.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](super::ErrorCode::UnknownWorker) when the worker does not exist.
    async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError>;

    /// Returns a page of the models that a worker runs or that have answered, ordered by identity;
    /// the entry for workers without a model identity comes first.
    ///
    /// The page begins after `after` and has at most `limit` entries. A page with fewer entries than
    /// the limit is the last one.
    async fn models(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError>;

    /// Returns a page of the task types that have a task or a worker, ordered by name.
    ///
    /// The page begins after `after` and has at most `limit` entries. A page with fewer entries than
    /// the limit is the last one.
    async fn task_types(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError>;

    /// Returns what the coordinator did in the last ten minutes.
    async fn activity(&self) -> Result<Activity, ApiError>;

    /// Subscribes to market events.
    ///
    /// The coordinator buffers nothing per subscriber: the feed reads the store's event log. A slow
    /// reader therefore slows nobody else. A reader that falls behind the oldest event in the log
    /// learns which events it [missed](super::EventBatch::missed).
    ///
    /// # Errors
    ///
    /// - [`TooManyRequests`](super::ErrorCode::TooManyRequests) when the coordinator has its maximum
    ///   number of subscribers;
    /// - [`Unauthorized`](super::ErrorCode::Unauthorized) and
    ///   [`Forbidden`](super::ErrorCode::Forbidden) when the caller may not follow events;
    /// - [`Unavailable`](super::ErrorCode::Unavailable) when the log cannot be read now;
    /// - [`Unreachable`](super::ErrorCode::Unreachable), over a wire, when no coordinator answers.
    async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: ClientApi + ?Sized> ClientApi for $pointer<A> {
            async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>> {
                (**self).enqueue(tasks).await
            }

            async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError> {
                (**self).task(id, wait).await
            }

            async fn cancel(
                &self,
                id: TaskId,
                reason: Option<String>,
            ) -> Result<TaskDetails, ApiError> {
                (**self).cancel(id, reason).await
            }

            async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, ApiError> {
                (**self).tasks(query).await
            }

            async fn leaderboard(
                &self,
                query: LeaderboardQuery,
            ) -> Result<Vec<Place>, ApiError> {
                (**self).leaderboard(query).await
            }

            async fn stats(&self) -> Result<StoreStats, ApiError> {
                (**self).stats().await
            }

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

            async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError> {
                (**self).follow(follow).await
            }
        }
    )*};
}

forward!(Arc, Box);
