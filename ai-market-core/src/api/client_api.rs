use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::TaskId;
use crate::store::{LeaderboardQuery, Place, StoreStats, TaskPage, TaskQuery};
use crate::task::TaskDetails;

use super::{ApiError, TaskSpec};

/// What a client asks of a coordinator.
///
/// [`Coordinator`](crate::coordinator::Coordinator) implements it in process, an HTTP client over
/// the wire. Reading is safe to repeat; so is creating a task that has an idempotency key.
///
/// Votes are blind: while a task is open, its details hold no submissions, only their number.
#[async_trait]
pub trait ClientApi: Debug + Send + Sync + 'static {
    /// Creates tasks, with one result per task in order.
    async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>>;

    /// A task with its votes; with a `wait`, as soon as the task is closed or the time is over.
    ///
    /// A longer wait than the coordinator allows counts as that.
    ///
    /// # Errors
    ///
    /// [`UnknownTask`](super::ErrorCode::UnknownTask) when there is no such task.
    async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError>;

    /// A page of tasks, by age, which is at most as large as the coordinator's largest one; it says
    /// whether there are more.
    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, ApiError>;

    /// A page of the leaderboard; fewer than the query's limit (at most the coordinator's largest
    /// page) mean the end.
    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, ApiError>;

    /// Counts what there is.
    async fn stats(&self) -> Result<StoreStats, ApiError>;
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
        }
    )*};
}

forward!(Arc, Box);
