//! Where models come from: the program itself, a folder, the Hugging Face hub.

#[cfg(feature = "bundled")]
mod bundled;
mod files;
#[cfg(feature = "hub")]
mod hub;
#[cfg(feature = "hub")]
mod hub_cache;
#[cfg(feature = "hub")]
mod hub_error;
#[cfg(feature = "hub")]
mod hub_options;
mod model_source;
mod progress;

pub use files::{ModelFiles, TokenizerFile};
#[cfg(feature = "hub")]
pub use hub_error::HubError;
#[cfg(feature = "hub")]
pub use hub_options::HubOptions;
pub use model_source::{InvalidSource, ModelSource};
pub use progress::{LoadEvent, ModelPart};
