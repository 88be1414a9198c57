use std::time::Duration;

use ai_market_core::api::{
    Activity, ApiError, ClientApi, ErrorCode, EventFeed, Follow, ModelReport, TaskSpec,
    TaskTypeReport, WorkerReport, WorkerStatus,
};
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    LeaderboardQuery, Place, StoreStats, TallyQuery, TallyRow, TaskOrder, TaskPage, TaskQuery,
    WorkerQuery,
};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::task::{Task, TaskDetails};
use async_trait::async_trait;

use crate::wire::{
    ActivityBody, BoardCursor, CancelRequest, DetailsBody, PlaceBody, StatsBody, TaskBody,
    TaskCursor,
};

use super::HttpClient;
use super::batch_items::TaskItem;

/// - [`enqueue`](ClientApi::enqueue) sends batches of up to 1,000 tasks and 1 MiB, several at the same
///   time; ids of different batches are therefore not in the order of the tasks. A single task is
///   sent by itself. So are all, for ten minutes, where the coordinator has no route for batches. A
///   batch that is too large for a coordinator with lower limits is sent again in parts. When the
///   request for a batch fails, all of its tasks have that error.
/// - [`tallies`](ClientApi::tallies) groups by worker, by model or by task type alone, and not for
///   one worker. Other queries are [`Invalid`](ErrorCode::Invalid); [`worker`](ClientApi::worker) and
///   [`models`](ClientApi::models) have finer tallies.
/// - [`workers`](ClientApi::workers) and [`worker`](ClientApi::worker) do not return a worker's
///   instance.
/// - The feed of [`follow`](ClientApi::follow) reopens a stream that ended at once, from its
///   position. After an error it reopens the stream at the next [`next`](EventFeed::next).
///   [`next`](EventFeed::next) never returns `None`: a stream can end because the coordinator stops,
///   because the key is no longer accepted or because a proxy limits the length of an answer, and
///   only reopening it tells which. The feed skips kinds and forms of events that this version does
///   not know.
#[async_trait]
impl ClientApi for HttpClient {
    async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>> {
        let items = tasks.into_iter().map(TaskItem::from);
        self.send_all(items.collect()).await
    }

    async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError> {
        let mut query = Vec::new();
        if !wait.is_zero() {
            query.push(("wait_seconds", wait.as_secs_f64().to_string()));
        }
        let path = format!("tasks/{id}");
        let details: DetailsBody = self.get_waiting(&path, &query, wait).await?;
        TaskDetails::try_from(details).map_err(|error| incomplete(self, error))
    }

    async fn cancel(&self, id: TaskId, reason: Option<String>) -> Result<TaskDetails, ApiError> {
        let path = format!("tasks/{id}/cancel");
        let body = CancelRequest::new(reason);
        let details: DetailsBody = self.post(&path, &body).await?;
        TaskDetails::try_from(details).map_err(|error| incomplete(self, error))
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, ApiError> {
        self.task_page(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, ApiError> {
        self.leaderboard_page(query).await
    }

    async fn stats(&self) -> Result<StoreStats, ApiError> {
        let stats: StatsBody = self.get("db/stats", &[]).await?;
        Ok(stats.into())
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError> {
        self.tally_page(query).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError> {
        self.worker_page(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
        self.worker_report(id).await
    }

    async fn models(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        self.model_page(after, limit).await
    }

    async fn task_types(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        self.task_type_page(after, limit).await
    }

    async fn activity(&self) -> Result<Activity, ApiError> {
        let activity: ActivityBody = self.get("activity", &[]).await?;
        Ok(activity.into())
    }

    async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError> {
        Ok(Box::new(self.open_feed(follow).await?))
    }
}

impl HttpClient {
    async fn task_page(&self, query: TaskQuery) -> Result<TaskPage, ApiError> {
        let mut pairs = vec![("limit", query.limit.to_string())];
        // The original system sends everything, whatever the limit.
        let bounds = TaskQuery::new(usize::MAX).with_max_bytes(query.max_bytes);
        if let Some(status) = query.status {
            pairs.push(("status", status.to_string()));
        }
        if let Some(task_type) = query.task_type {
            pairs.push(("task_type", task_type.to_string()));
        }
        if query.order != TaskOrder::default() {
            pairs.push(("order", query.order.as_str().to_owned()));
        }
        if let Some(after) = query.after {
            pairs.push(("cursor", TaskCursor(after).to_string()));
        }
        let reply = self.get_reply("tasks", &pairs, Duration::ZERO).await?;
        let more = reply.has_next();
        let tasks: Vec<TaskBody> = reply.into_json()?;
        let tasks: Vec<_> = tasks.into_iter().map(Task::try_from).collect();
        // The original system knows no pages and sends everything each time.
        let mut sent = tasks.iter().flatten();
        if sent.any(|task| Some(task.id) == query.after) {
            return Ok(TaskPage::default());
        }
        // The coordinator keeps to its own bound on bytes, which may be a wider one.
        let page = TaskPage::fill(&bounds, tasks).map_err(|error| incomplete(self, error))?;
        let more = more || page.more;
        Ok(TaskPage::new(page.tasks, more))
    }

    async fn leaderboard_page(&self, query: LeaderboardQuery) -> Result<Vec<Place>, ApiError> {
        let mut pairs = vec![("limit", query.limit.to_string())];
        if let Some((points, worker)) = query.after.clone() {
            let cursor = BoardCursor::new(points, &worker);
            pairs.push(("cursor", cursor.to_string()));
        }
        let places: Vec<PlaceBody> = self.get("leaderboard", &pairs).await?;
        let places: Vec<_> = places.into_iter().map(Place::from).collect();
        // As above. A worker that gained points meanwhile may come again, but then with others.
        let repeated = query.after.is_some_and(|(points, worker)| {
            places
                .iter()
                .any(|place| place.points == points && place.worker == worker)
        });
        Ok(if repeated { Vec::new() } else { places })
    }
}

fn incomplete(
    client: &HttpClient,
    error: impl std::error::Error + Send + Sync + 'static,
) -> ApiError {
    let message = format!(
        "the coordinator at {} sent a task that makes no sense",
        client.url()
    );
    ApiError::new(ErrorCode::Internal, message).with_source(Box::new(error))
}
