//! The worker: what stands between a coordinator and a model.

mod backoff;
mod builder;
mod claiming;
mod computing;
mod error;
mod handing_in;
mod heartbeats;
mod report;
mod run;
mod session;

pub use builder::WorkerBuilder;
pub use error::WorkerError;
pub use report::WorkerReport;
pub use run::Worker;
