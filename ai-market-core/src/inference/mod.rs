//! Models: what a worker runs.

mod backend;
mod blocking;
mod error;
mod model_info;
mod prediction;
mod router;

pub use backend::{InferenceBackend, InferenceBackendExt};
pub use blocking::{BlockingBackend, BlockingModel};
pub use error::InferenceError;
pub use model_info::ModelInfo;
pub(crate) use model_info::names;
pub use prediction::{InferenceInput, Prediction};
pub use router::{InvalidRoute, Route, Router};
