//! What workers and clients may ask of a coordinator, in process or over a wire.

mod client_api;
mod error;
mod request;
mod worker_api;

pub use client_api::ClientApi;
pub use error::{ApiError, ErrorCode};
pub use request::{
    ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, TaskSpec, Terms,
};
pub use worker_api::WorkerApi;
