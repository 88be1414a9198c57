//! Models: what a worker runs.

mod backend;
mod blocking;
mod error;
mod model_info;
mod prediction;

pub use backend::InferenceBackend;
pub use blocking::{BlockingBackend, BlockingModel};
pub use error::InferenceError;
pub use model_info::ModelInfo;
pub use prediction::{InferenceInput, Prediction};
