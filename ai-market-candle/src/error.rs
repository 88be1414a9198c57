use std::error::Error;
use std::io;
use std::path::PathBuf;

use ai_market_core::submission::InvalidModel;

use crate::config::ConfigError;
#[cfg(feature = "hub")]
use crate::source::HubError;
use crate::tokenizer::TokenizerError;
use crate::weights::WeightsError;

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The folder lacks a file.
    #[error("the model folder has no {file}: {}", folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file, or the files of which one would do.
        file: &'static str,
    },
    /// A file could not be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration describes no model that can be run.
    #[error("the model's configuration is not usable")]
    Config(#[from] ConfigError),
    /// The weights do not fit the configuration or are damaged.
    #[error("the model's weights are not usable")]
    Weights(#[from] WeightsError),
    /// The tokenizer is damaged or does not fit the model.
    #[error("the model's tokenizer is not usable")]
    Tokenizer(#[from] TokenizerError),
    /// The model's name cannot be a model identity.
    #[error("the model's name or revision is not usable")]
    Identity(#[from] InvalidModel),
    /// The model could not be had from the hub or its cache.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The program was built without a feature that the source needs.
    #[error(
        "the model source {name:?} needs the feature `{feature}`, which this program was built without"
    )]
    FeatureMissing {
        /// The source.
        name: String,
        /// The feature of this crate.
        feature: &'static str,
    },
    /// The operating system started no threads.
    #[error("no thread could be started for the model")]
    Threads(#[source] Box<dyn Error + Send + Sync>),
}
