use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ClientApi, ErrorCode, TaskSpec};
use ai_market_core::coordinator::{Acting, Coordinator};
use ai_market_core::id::{TaskId, TaskType};
use ai_market_core::store::{LeaderboardQuery, TallyQuery, TaskQuery};
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::wire::{
    BoardCursor, BoardEntry, By, CancelRequest, DetailsBody, Field, InvalidCursor, Limit, Order,
    Seconds, Status, TaskBody, TaskCreated, TaskCursor, TaskRequest,
};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::page::{Page, next_link, page_size};

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

pub(super) struct CancelErrors;
impl Errors for CancelErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::UnknownTask,
        ErrorCode::Closed,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
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

    /// List tasks by age
    ///
    /// Oldest first, unless the newest are asked for first. A page holds `limit` tasks (100, at most
    /// 1,000), and fewer where they are large together; the header Link leads to the next one.
    #[oai(path = "/tasks", method = "get", operation_id = "list_tasks")]
    #[expect(clippy::too_many_arguments, reason = "they are the route's parameters")]
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
        /// Which come first: the `oldest`, or the `newest`.
        order: Query<Option<Field<Order>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<TaskCursor>>>,
    ) -> Result<Page<Vec<TaskBody>>, Failure<ListErrors>> {
        let limit = page_size(&self.coordinator, limit.0, TASKS_PER_PAGE);
        let mut query = TaskQuery::new(limit);
        query.status = status.0.map(|status| status.0.0);
        query.task_type = task_type.0.map(|task_type| task_type.0);
        query.order = order.0.map(|order| order.0.0).unwrap_or_default();
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
    /// is over. While the task is open, `submissions` is empty: votes are blind. An open task whose
    /// type too few live workers serve says so in `waiting_for`.
    #[oai(path = "/tasks/:id", method = "get", operation_id = "get_task")]
    async fn details(
        &self,
        caller: Data<&Caller>,
        /// The id of the task.
        id: Path<String>,
        /// How long to wait for the result; the coordinator sets a bound.
        wait_seconds: Query<Option<Field<Seconds>>>,
    ) -> Result<JsonBody<DetailsBody>, Failure<TaskErrors>> {
        let id = task_id(&id.0)?;
        let wait = wait_seconds.0.map(|wait| wait.0.0).unwrap_or_default();
        let details = self.acting_as(caller.0).task(id, wait).await?;
        Ok(JsonBody(details.into()))
    }

    /// Cancel a task
    ///
    /// Its leases end, answers to it no longer count, and it shows the status `cancelled`. Repeating
    /// it changes nothing. With keys, only an admin key or a client key of the owner who created the
    /// task can.
    #[oai(
        path = "/tasks/:id/cancel",
        method = "post",
        operation_id = "cancel_task"
    )]
    async fn cancel(
        &self,
        caller: Data<&Caller>,
        /// The id of the task.
        id: Path<String>,
        body: JsonBody<CancelRequest>,
    ) -> Result<JsonBody<DetailsBody>, Failure<CancelErrors>> {
        let id = task_id(&id.0)?;
        let acting = self.acting_as(caller.0);
        let details = acting.cancel(id, body.0.into_reason()).await?;
        Ok(JsonBody(details.into()))
    }

    /// List workers, models or task types by points
    ///
    /// Most points first, then by name. Without `by` and `task_type` it is every worker with an
    /// accepted vote, with its points alone; with either, it tells how each one did. A page holds
    /// `limit` places (1,000, which is also the most); the header Link leads to the next one.
    #[oai(path = "/leaderboard", method = "get", operation_id = "leaderboard")]
    async fn leaderboard(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<BoardCursor>>>,
        /// What has a place: a worker where it is absent.
        by: Query<Option<Field<By>>>,
        /// Only answers to tasks of this type.
        task_type: Query<Option<Field<TaskType>>>,
    ) -> Result<Page<Vec<BoardEntry>>, Failure<ListErrors>> {
        let limit = page_size(&self.coordinator, limit.0, PLACES_PER_PAGE);
        let acting = self.acting_as(caller.0);
        let cursor = cursor.0.map(|cursor| cursor.0);
        let task_type = task_type.0.map(|task_type| task_type.0);
        let (entries, cursor) = match (by.0, task_type) {
            (None, None) => places(&acting, limit, cursor).await?,
            (by, task_type) => {
                let by = by.map_or(By::Worker, |by| by.0);
                tallies(&acting, by, task_type, limit, cursor).await?
            }
        };
        let link = cursor.map(|cursor| next_link(request.original_uri(), &cursor.to_string()));
        Ok(Page::Ok(JsonBody(entries), link))
    }
}

/// The task that a path names. What is no id at all names no task either, so that a client needs to
/// know one answer.
fn task_id(text: &str) -> Result<TaskId, ApiError> {
    text.parse().map_err(|error| {
        let message = "there is no such task: a task id is a UUID";
        ApiError::new(ErrorCode::UnknownTask, message).with_source(Box::new(error))
    })
}

/// A page of the leaderboard, and where it ended unless it is the last one.
type BoardPage = (Vec<BoardEntry>, Option<BoardCursor>);

/// Workers with their points.
async fn places(
    acting: &Acting,
    limit: usize,
    cursor: Option<BoardCursor>,
) -> Result<BoardPage, ApiError> {
    let mut query = LeaderboardQuery::new(limit);
    if let Some(cursor) = cursor {
        query = query.after(cursor.points, cursor.name().map_err(bad_cursor)?);
    }
    let places = acting.leaderboard(query).await?;
    let last = places.last().filter(|_| places.len() == limit);
    let cursor = last.map(|place| BoardCursor::new(place.points, &place.worker));
    Ok((places.into_iter().map(Into::into).collect(), cursor))
}

/// What has a place `by` its own points.
async fn tallies(
    acting: &Acting,
    by: By,
    task_type: Option<TaskType>,
    limit: usize,
    cursor: Option<BoardCursor>,
) -> Result<BoardPage, ApiError> {
    let mut query = TallyQuery::new(by.into(), limit);
    query.task_type = task_type;
    if let Some(cursor) = cursor {
        let group = by.group(&cursor).map_err(bad_cursor)?;
        query = query.after(cursor.points, group);
    }
    let rows = acting.tallies(query).await?;
    let last = rows.last().filter(|_| rows.len() == limit);
    let cursor = last.and_then(|row| By::cursor(row.tally.points, &row.group));
    Ok((rows.into_iter().map(Into::into).collect(), cursor))
}

fn bad_cursor(error: InvalidCursor) -> ApiError {
    ApiError::invalid("cursor", error.to_string()).with_source(error)
}

impl TaskRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }
}
