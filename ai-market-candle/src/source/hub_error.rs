use std::error::Error;

/// Why a model could not be had from the hub or its cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// It is not in the cache, and there is no way to the hub.
    #[error(
        "model {model} is not in the cache {cache} and cannot be downloaded because {reason}: \
         connect to the internet once, or set HF_HOME to a folder that holds the model, or pass a \
         model folder (--model PATH), or use the built-in model (--model bundled)"
    )]
    Unavailable {
        /// The model.
        model: String,
        /// The cache that was looked into.
        cache: String,
        /// What stands in the way.
        reason: &'static str,
        /// The failure of the network, where it was tried.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The hub does not know the model or does not show it.
    #[error(
        "the hub has no model {model} that it shows: check the name and the revision, and set \
         HF_TOKEN if the model is private"
    )]
    NotFound {
        /// The model.
        model: String,
        /// The hub's answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The model lacks a file.
    #[error("model {model} of the hub has no {file}, so it cannot be run")]
    FileMissing {
        /// The model.
        model: String,
        /// The file, or the files of which one would do.
        file: &'static str,
    },
    /// A download failed after the hub had answered.
    #[error("{file} of model {model} could not be downloaded")]
    Download {
        /// The model.
        model: String,
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The branch moved on while its files were being downloaded.
    #[error("model {model} changed on the hub during the download; try again")]
    Changed {
        /// The model.
        model: String,
    },
    /// There is no folder to keep models in.
    #[error("there is no home folder to keep models in: set HF_HOME to a folder")]
    NoCache,
}
