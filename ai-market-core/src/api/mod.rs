//! What workers and clients may ask of a coordinator, in process or over a wire.

mod activity;
mod client_api;
mod error;
mod event_feed;
mod report;
mod request;
mod worker_api;

pub use crate::store::{ModelReport, ModelTaskType};
pub use activity::{Activity, ActivitySlot};
pub use client_api::ClientApi;
pub use error::{ApiError, ErrorCode};
pub use event_feed::{EventBatch, EventFeed, Follow, Missed};
pub use report::{Specialty, TaskTypeReport, WorkerReport, WorkerStatus};
pub use request::{
    ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, TaskSpec, Terms,
};
pub use worker_api::WorkerApi;
