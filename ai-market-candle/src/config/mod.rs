//! What a `config.json` says: the shape of a model, what it classifies, its labels.

mod error;
mod head;
mod labels;
mod model_config;

pub use error::ConfigError;
pub use head::Head;
pub use model_config::{Activation, ModelConfig};
