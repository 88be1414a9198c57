//! The worker: what stands between a coordinator and a model.

mod backoff;
mod builder;
mod claiming;
mod computing;
mod error;
mod handing_in;
mod heartbeats;
mod metrics;
mod progress;
mod report;
mod run;
mod session;
mod tracker;

pub use builder::WorkerBuilder;
pub use error::WorkerError;
pub use progress::{WorkerProgress, WorkerSnapshot, WorkerState};
pub use report::WorkerReport;
pub use run::Worker;
