use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ClientApi, ErrorCode};
use ai_market_core::coordinator::{Acting, Coordinator};
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::WorkerQuery;
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::wire::{
    Field, Limit, ModelBody, ModelCursor, ReinstateRequest, SuspendRequest, TaskTypeBody,
    WorkerBody, WorkerDetailsBody,
};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::operations::{Done, check_allowed};
use super::page::{Page, next_link, page_size};

/// Who is there, how good each is, and who is no longer trusted.
#[derive(Debug)]
pub(super) struct InsightRoutes {
    pub(super) coordinator: Coordinator,
    pub(super) allow_ops: bool,
}

pub(super) struct ListErrors;
impl Errors for ListErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Invalid];
}

pub(super) struct WorkerErrors;
impl Errors for WorkerErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Malformed, ErrorCode::UnknownWorker];
}

pub(super) struct RulingErrors;
impl Errors for RulingErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::Forbidden,
        ErrorCode::UnknownWorker,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

const PER_PAGE: Limit = Limit(100);

#[OpenApi]
impl InsightRoutes {
    /// List task types with their tasks and who serves them
    ///
    /// Every type that has a task or a worker that is here, by name. Tasks of a type that is not
    /// `served` wait. A page holds `limit` types (100, at most 1,000); the header Link leads to the
    /// next one.
    #[oai(path = "/task-types", method = "get", operation_id = "list_task_types")]
    async fn task_types(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<TaskType>>>,
    ) -> Result<Page<Vec<TaskTypeBody>>, Failure<ListErrors>> {
        let limit = page_size(&self.coordinator, limit.0, PER_PAGE);
        let after = cursor.0.map(|cursor| cursor.0);
        let types = self.acting_as(caller.0).task_types(after, limit).await?;
        let last = types.last().filter(|_| types.len() == limit);
        let link = last.map(|of| next_link(request.original_uri(), of.task_type.as_str()));
        let types = types.into_iter().map(Into::into).collect();
        Ok(Page::Ok(JsonBody(types), link))
    }

    /// List workers
    ///
    /// By id. A page holds `limit` workers (100, at most 1,000); the header Link leads to the next
    /// one.
    #[oai(path = "/workers", method = "get", operation_id = "list_workers")]
    async fn workers(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<WorkerId>>>,
    ) -> Result<Page<Vec<WorkerBody>>, Failure<ListErrors>> {
        let limit = page_size(&self.coordinator, limit.0, PER_PAGE);
        let mut query = WorkerQuery::new(limit);
        query.after = cursor.0.map(|cursor| cursor.0);
        let workers = self.acting_as(caller.0).workers(query).await?;
        let last = workers.last().filter(|_| workers.len() == limit);
        let last = last.map(|worker| worker.summary.profile.worker.as_str());
        let link = last.map(|worker| next_link(request.original_uri(), worker));
        let workers = workers.into_iter().map(Into::into).collect();
        Ok(Page::Ok(JsonBody(workers), link))
    }

    /// Show a worker and how it did
    #[oai(path = "/workers/:id", method = "get", operation_id = "get_worker")]
    async fn worker(
        &self,
        caller: Data<&Caller>,
        /// The id of the worker.
        id: Path<String>,
    ) -> Result<JsonBody<WorkerDetailsBody>, Failure<WorkerErrors>> {
        let id = worker_id(&id.0)?;
        let report = self.acting_as(caller.0).worker(id).await?;
        Ok(JsonBody(report.into()))
    }

    /// List models with who runs them and how they did
    ///
    /// Every model that is run or has answered, by its identity, with that of those that do not say
    /// theirs first. A page holds `limit` models (100, at most 1,000); the header Link leads to the
    /// next one.
    #[oai(path = "/models", method = "get", operation_id = "list_models")]
    async fn models(
        &self,
        caller: Data<&Caller>,
        request: &Request,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<ModelCursor>>>,
    ) -> Result<Page<Vec<ModelBody>>, Failure<ListErrors>> {
        let limit = page_size(&self.coordinator, limit.0, PER_PAGE);
        let after = cursor.0.map(|cursor| cursor.0.0);
        let models = self.acting_as(caller.0).models(after, limit).await?;
        let last = models.last().filter(|_| models.len() == limit);
        let cursor = last.map(|report| ModelCursor(report.model.clone()).to_string());
        let link = cursor.map(|cursor| next_link(request.original_uri(), &cursor));
        let models = models.into_iter().map(Into::into).collect();
        Ok(Page::Ok(JsonBody(models), link))
    }

    /// Suspend a worker
    ///
    /// For tasks of a type, or for all: it gets no more of them, and those that it holds go to
    /// others at once, until it is reinstated. Forbidden unless the operator allows it.
    #[oai(
        path = "/workers/:id/suspend",
        method = "post",
        operation_id = "suspend_worker"
    )]
    async fn suspend(
        &self,
        caller: Data<&Caller>,
        /// The id of the worker.
        id: Path<String>,
        body: JsonBody<SuspendRequest>,
    ) -> Result<JsonBody<Done>, Failure<RulingErrors>> {
        check_allowed(self.allow_ops, caller.0)?;
        let id = worker_id(&id.0)?;
        let (reason, task_type) = body.0.into_parts();
        self.acting_as(caller.0)
            .suspend(&id, task_type, &reason)
            .await?;
        tracing::info!(worker = %id, reason, "suspended a worker");
        Ok(JsonBody(Done::new()))
    }

    /// Reinstate a worker
    ///
    /// For tasks of a type, or for all, whoever or whatever had suspended it. What it answered
    /// before no longer speaks against it. Forbidden unless the operator allows it.
    #[oai(
        path = "/workers/:id/reinstate",
        method = "post",
        operation_id = "reinstate_worker"
    )]
    async fn reinstate(
        &self,
        caller: Data<&Caller>,
        /// The id of the worker.
        id: Path<String>,
        body: JsonBody<ReinstateRequest>,
    ) -> Result<JsonBody<Done>, Failure<RulingErrors>> {
        check_allowed(self.allow_ops, caller.0)?;
        let id = worker_id(&id.0)?;
        let task_type = body.0.task_type.0;
        self.acting_as(caller.0).reinstate(&id, task_type).await?;
        tracing::info!(worker = %id, "reinstated a worker");
        Ok(JsonBody(Done::new()))
    }
}

impl InsightRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }
}

/// What is no id at all names no worker either, so that a client needs to know one answer.
fn worker_id(text: &str) -> Result<WorkerId, ApiError> {
    WorkerId::new(text).map_err(|error| {
        let message = format!("there is no such worker: {error}");
        ApiError::new(ErrorCode::UnknownWorker, message).with_source(error)
    })
}
