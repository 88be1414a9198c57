use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ErrorCode, WorkerApi};
use ai_market_core::coordinator::{Acting, Coordinator};
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::wire::{
    Field, HeartbeatBody, HeartbeatRequest, LeaveBody, LeaveRequest, NextBody, NextRequest,
    ReceiptBody, RegisterRequest, SubmitRequest, TermsBody,
};

use super::body::JsonBody;
use super::failure::{Errors, Failure};

/// What workers ask.
#[derive(Debug)]
pub(super) struct WorkerRoutes {
    pub(super) coordinator: Coordinator,
}

pub(super) struct RegisterErrors;
impl Errors for RegisterErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct InstanceErrors;
impl Errors for InstanceErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::UnknownWorker,
        ErrorCode::Superseded,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct ClaimErrors;
impl Errors for ClaimErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::Suspended,
        ErrorCode::UnknownWorker,
        ErrorCode::Superseded,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct VoteErrors;
impl Errors for VoteErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::UnknownTask,
        ErrorCode::Closed,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

#[OpenApi]
impl WorkerRoutes {
    /// Register a worker
    ///
    /// Or renew what it said of itself. A registration with another `instance` than before ends the
    /// leases of the run before; one without an instance ends nothing.
    #[oai(
        path = "/workers/register",
        method = "post",
        operation_id = "register_worker"
    )]
    async fn register(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<RegisterRequest>,
    ) -> Result<JsonBody<TermsBody>, Failure<RegisterErrors>> {
        let terms = self.acting_as(caller.0).register(body.0.into()).await?;
        Ok(JsonBody(terms.into()))
    }

    /// Say that a worker is alive
    ///
    /// Renews the leases on the named tasks, or on all that the worker holds.
    #[oai(
        path = "/workers/heartbeat",
        method = "post",
        operation_id = "heartbeat"
    )]
    async fn heartbeat(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<HeartbeatRequest>,
    ) -> Result<JsonBody<HeartbeatBody>, Failure<InstanceErrors>> {
        let reply = self.acting_as(caller.0).heartbeat(body.0.into()).await?;
        Ok(JsonBody(reply.into()))
    }

    /// Get tasks to answer
    ///
    /// With `wait_seconds` it answers as soon as there is a task for the worker, or when the time
    /// is over. `task_id` and `text` repeat the first of `tasks`. A worker gets tasks of the types
    /// that it registered and is not suspended for; one that is suspended for all of them is told so.
    #[oai(path = "/tasks/next", method = "post", operation_id = "next_tasks")]
    async fn next(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<NextRequest>,
    ) -> Result<JsonBody<NextBody>, Failure<ClaimErrors>> {
        let assignments = self.acting_as(caller.0).claim(body.0.into()).await?;
        Ok(JsonBody(assignments.into()))
    }

    /// Hand an answer in
    ///
    /// It counts when the worker holds a lease on the task, and where the task asks for distinct
    /// models, when it is of the model that the worker had registered when it claimed the task. A
    /// repeated answer changes nothing.
    #[oai(path = "/workers/submit", method = "post", operation_id = "submit")]
    async fn submit(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<SubmitRequest>,
    ) -> Result<JsonBody<ReceiptBody>, Failure<VoteErrors>> {
        let mut receipts = self.acting_as(caller.0).submit(vec![body.0.into()]).await;
        let receipt = receipts.pop().unwrap_or_else(|| {
            let message = "the coordinator gave no answer";
            Err(ApiError::new(ErrorCode::Internal, message))
        });
        Ok(JsonBody(receipt?.into()))
    }

    /// Give leases back
    ///
    /// Without `failed` this costs nothing; with it, it counts as a lost lease of each task.
    #[oai(path = "/workers/release", method = "post", operation_id = "release")]
    async fn release(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<LeaveRequest>,
    ) -> Result<JsonBody<LeaveBody>, Failure<RegisterErrors>> {
        let released = Field(self.acting_as(caller.0).release(body.0.into()).await?);
        Ok(JsonBody(LeaveBody { released }))
    }
}

impl WorkerRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }
}
