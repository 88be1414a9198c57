//! What workers and clients may ask of a coordinator, in process or over a wire.

mod activity;
mod client_api;
mod error;
mod event_api;
mod insight_api;
mod report;
mod request;
mod worker_api;

pub use activity::{Activity, ActivitySlot};
pub use client_api::ClientApi;
pub use error::{ApiError, ErrorCode};
pub use event_api::{EventApi, EventBatch, EventFeed, Follow, Missed};
pub use insight_api::InsightApi;
pub use report::{
    ModelReport, ModelTaskType, Specialty, TaskTypeReport, WorkerReport, WorkerStatus,
};
pub use request::{
    ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, TaskSpec, Terms,
};
pub use worker_api::WorkerApi;
