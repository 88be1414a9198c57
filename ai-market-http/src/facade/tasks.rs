use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ClientApi, ErrorCode, TaskSpec};
use ai_market_core::coordinator::{Acting, Coordinator};
use ai_market_core::id::TaskType;
use ai_market_core::store::{LeaderboardQuery, TaskQuery};
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::wire::{
    BoardCursor, DetailsBody, Field, Limit, Seconds, StandingBody, Status, TaskBody, TaskCreated,
    TaskCursor, TaskRequest,
};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::page::{Page, next_link};

/// What clients ask.
#[derive(Debug)]
pub(super) struct TaskRoutes {
    pub(super) coordinator: Coordinator,
}

pub(super) struct CreateErrors;
impl Errors for CreateErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::IdempotencyConflict,
        ErrorCode::MarketFull,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct ListErrors;
impl Errors for ListErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Invalid];
}

pub(super) struct TaskErrors;
impl Errors for TaskErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::UnknownTask, ErrorCode::Invalid];
}

const TASKS_PER_PAGE: Limit = Limit(100);
const PLACES_PER_PAGE: Limit = Limit(1_000);

#[OpenApi]
impl TaskRoutes {
    /// Create a task
    ///
    /// Workers answer it until the policy of its type decides; `GET /tasks/{id}` shows the result.
    /// With an idempotency key, asking again answers with the same id.
    #[oai(path = "/tasks", method = "post", operation_id = "create_task")]
    async fn create(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<TaskRequest>,
    ) -> Result<JsonBody<TaskCreated>, Failure<CreateErrors>> {
        let spec = TaskSpec::from(body.0);
        let mut created = self.acting_as(caller.0).enqueue(vec![spec]).await;
        let created = created.pop().unwrap_or_else(|| {
            let message = "the coordinator gave no answer";
            Err(ApiError::new(ErrorCode::Internal, message))
        });
        let task_id = Field(created?);
        Ok(JsonBody(TaskCreated { task_id }))
    }

    /// List tasks, oldest first
    ///
    /// A page holds `limit` tasks (100, at most 1,000), and fewer where they are large together; the
    /// header Link leads to the next one.
    #[oai(path = "/tasks", method = "get", operation_id = "list_tasks")]
    async fn list(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// Only tasks of this status.
        status: Query<Option<Field<Status>>>,
        /// Only tasks of this type.
        task_type: Query<Option<Field<TaskType>>>,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<TaskCursor>>>,
    ) -> Result<Page<Vec<TaskBody>>, Failure<ListErrors>> {
        let limit = self.page(limit.0, TASKS_PER_PAGE);
        let mut query = TaskQuery::new(limit);
        query.status = status.0.map(|status| status.0.0);
        query.task_type = task_type.0.map(|task_type| task_type.0);
        query.after = cursor.0.map(|cursor| cursor.0.0);
        let page = self.acting_as(caller.0).tasks(query).await?;
        let last = page.tasks.last().filter(|_| page.more);
        let cursor = last.map(|task| TaskCursor(task.id).to_string());
        let link = cursor.map(|cursor| next_link(request.original_uri(), &cursor));
        let tasks = page.tasks.into_iter().map(Into::into).collect();
        Ok(Page::Ok(JsonBody(tasks), link))
    }

    /// Show a task with its votes
    ///
    /// With `wait_seconds` it answers as soon as the task is finalized or failed, or when the time
    /// is over. While the task is open, `submissions` is empty: votes are blind.
    #[oai(path = "/tasks/:id", method = "get", operation_id = "get_task")]
    async fn details(
        &self,
        caller: Data<&Caller>,
        /// The id of the task.
        id: Path<String>,
        /// How long to wait for the result; the coordinator sets a bound.
        wait_seconds: Query<Option<Field<Seconds>>>,
    ) -> Result<JsonBody<DetailsBody>, Failure<TaskErrors>> {
        // What is no id at all names no task either, so that a client needs to know one answer.
        let id = id.0.parse().map_err(|error| {
            let message = "there is no such task: a task id is a UUID";
            ApiError::new(ErrorCode::UnknownTask, message).with_source(Box::new(error))
        });
        let wait = wait_seconds.0.map(|wait| wait.0.0).unwrap_or_default();
        let details = self.acting_as(caller.0).task(id?, wait).await?;
        Ok(JsonBody(details.into()))
    }

    /// List workers by points
    ///
    /// Most points first, then by worker id; every worker with an accepted vote is on it. A page
    /// holds `limit` places (1,000, which is also the most); the header Link leads to the next one.
    #[oai(path = "/leaderboard", method = "get", operation_id = "leaderboard")]
    async fn leaderboard(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<BoardCursor>>>,
    ) -> Result<Page<Vec<StandingBody>>, Failure<ListErrors>> {
        let limit = self.page(limit.0, PLACES_PER_PAGE);
        let mut query = LeaderboardQuery::new(limit);
        query.after = cursor.0.map(|cursor| (cursor.0.points, cursor.0.worker));
        let places = self.acting_as(caller.0).leaderboard(query).await?;
        let last = places.last().filter(|_| places.len() == limit);
        let cursor = last.map(|place| BoardCursor {
            points: place.points,
            worker: place.worker.clone(),
        });
        let link = cursor.map(|cursor| next_link(request.original_uri(), &cursor.to_string()));
        let places = places.into_iter().map(Into::into).collect();
        Ok(Page::Ok(JsonBody(places), link))
    }
}

impl TaskRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }

    fn page(&self, asked: Option<Field<Limit>>, usual: Limit) -> usize {
        let most = self.coordinator.settings().limits.max_page;
        asked.map_or(usual, |limit| limit.0).get().min(most)
    }
}
