use std::error::Error;

use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ClientApi, ErrorCode};
use ai_market_core::coordinator::{Acting, Coordinator};
use poem::web::Data;
use poem_openapi::payload::{PlainText, Response};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::wire::{ActivityBody, Field, StatsBody};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::metrics::Metrics;

/// What operators ask.
#[derive(Debug)]
pub(super) struct OperationRoutes {
    pub(super) coordinator: Coordinator,
    pub(super) metrics: Metrics,
    pub(super) allow_ops: bool,
}

/// It is done.
#[derive(Debug, Serialize, Object)]
pub(super) struct Done {
    ok: bool,
}

impl Done {
    pub(super) const fn new() -> Self {
        Self { ok: true }
    }
}

/// Leases that had run out were ended.
#[derive(Debug, Serialize, Object)]
pub(super) struct Requeued {
    /// How many.
    requeued: Field<u64>,
}

pub(super) struct ReadErrors;
impl Errors for ReadErrors {
    const CODES: &'static [ErrorCode] = &[];
}

pub(super) struct OpsErrors;
impl Errors for OpsErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Forbidden];
}

#[OpenApi]
impl OperationRoutes {
    /// Say that the coordinator serves
    #[oai(path = "/health", method = "get", operation_id = "health")]
    async fn health(&self) -> JsonBody<Done> {
        JsonBody(Done::new())
    }

    /// Count what there is
    #[oai(path = "/db/stats", method = "get", operation_id = "stats")]
    async fn stats(
        &self,
        caller: Data<&Caller>,
    ) -> Result<JsonBody<StatsBody>, Failure<ReadErrors>> {
        Ok(JsonBody(self.acting_as(caller.0).stats().await?.into()))
    }

    /// Tell what was done lately
    ///
    /// Slots of five seconds of the last ten minutes, as this coordinator has seen them since it was
    /// started: one entry of each list for each slot, the last one of which goes on.
    #[oai(path = "/activity", method = "get", operation_id = "activity")]
    async fn activity(
        &self,
        caller: Data<&Caller>,
    ) -> Result<JsonBody<ActivityBody>, Failure<ReadErrors>> {
        Ok(JsonBody(self.acting_as(caller.0).activity().await?.into()))
    }

    /// End leases that ran out
    ///
    /// The coordinator does so by itself all the time; this does it at once. Forbidden unless the
    /// operator allows it.
    #[oai(
        path = "/ops/requeue-stale",
        method = "post",
        operation_id = "requeue_stale"
    )]
    async fn requeue_stale(
        &self,
        caller: Data<&Caller>,
    ) -> Result<JsonBody<Requeued>, Failure<OpsErrors>> {
        check_allowed(self.allow_ops, caller.0)?;
        let reaped = self.acting_as(caller.0).reap_now().await?;
        let requeued = Field(reaped.lost);
        Ok(JsonBody(Requeued { requeued }))
    }

    /// Forget every task, worker, vote and point
    ///
    /// Forbidden unless the operator allows it.
    #[oai(path = "/ops/reset", method = "post", operation_id = "reset")]
    async fn reset(&self, caller: Data<&Caller>) -> Result<JsonBody<Done>, Failure<OpsErrors>> {
        check_allowed(self.allow_ops, caller.0)?;
        self.acting_as(caller.0).reset().await?;
        tracing::warn!("everything was reset");
        Ok(JsonBody(Done::new()))
    }

    /// Show the metrics, in Prometheus' text format
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(
        &self,
        caller: Data<&Caller>,
    ) -> Result<Response<PlainText<String>>, Failure<ReadErrors>> {
        let stats = self.acting_as(caller.0).stats().await?;
        let metrics = self.metrics.clone();
        // The store looks at its files, and tokio's threads wait for no disk.
        let text = spawn_blocking(move || metrics.render(&stats)).await;
        let text = text.map_err(unwritten)?.map_err(unwritten)?;
        Ok(Response::new(PlainText(text)).header("Content-Type", prometheus::TEXT_FORMAT))
    }
}

impl OperationRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }
}

fn unwritten(error: impl Error + Send + Sync + 'static) -> ApiError {
    ApiError::new(ErrorCode::Internal, "the metrics could not be written").with_source(error)
}

/// Whether operations are allowed at all.
pub(super) fn check_allowed(allow_ops: bool, caller: &Caller) -> Result<(), ApiError> {
    // With keys, the key decides.
    if allow_ops || *caller != Caller::Anyone {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Forbidden,
        "operations are not allowed; the coordinator's operator may allow them",
    ))
}
