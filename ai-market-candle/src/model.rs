use std::num::NonZeroUsize;

use ai_market_core::inference::{InferenceError, ModelInfo, Prediction};

use crate::classifier::SequenceClassifier;
use crate::config::{Head, ModelConfig};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelFiles, ModelSource};
use crate::token_classifier::TokenClassifier;

/// A loaded model of either kind: whichever `architectures` in its `config.json` names.
///
/// Clones share the weights and the threads.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Model {
    /// One that classifies whole texts.
    Sequence(SequenceClassifier),
    /// One that finds entities in texts.
    Token(TokenClassifier),
}

impl Model {
    /// Loads the model that `source` names, telling `progress` of downloads; see
    /// [`SequenceClassifier::load`].
    ///
    /// # Errors
    ///
    /// [`LoadError`] says which file cannot be had or used, and why.
    pub fn load(
        source: &ModelSource,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        Self::from_files(source.fetch(options, progress)?, options)
    }

    /// Makes a model of files in memory.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn from_files(files: ModelFiles, options: &ClassifierOptions) -> Result<Self, LoadError> {
        match ModelConfig::from_json(&files.config)?.head {
            Head::Sequence => SequenceClassifier::from_files(files, options).map(Self::Sequence),
            Head::Token => TokenClassifier::from_files(files, options).map(Self::Token),
        }
    }

    /// What it classifies.
    #[must_use]
    pub fn head(&self) -> Head {
        match self {
            Self::Sequence(_) => Head::Sequence,
            Self::Token(_) => Head::Token,
        }
    }

    /// The model's identity, the task types it serves, and the labels that it can answer where it
    /// classifies whole texts.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        match self {
            Self::Sequence(model) => model.info(),
            Self::Token(model) => model.info(),
        }
    }

    /// The most texts worth giving at once.
    #[must_use]
    pub fn max_batch(&self) -> NonZeroUsize {
        match self {
            Self::Sequence(model) => model.max_batch(),
            Self::Token(model) => model.max_batch(),
        }
    }

    /// Answers texts in the form that a worker hands in; one result per text, in their order.
    ///
    /// # Errors
    ///
    /// Each text has its own, as in [`SequenceClassifier::predict`] and
    /// [`TokenClassifier::predict`].
    pub fn predict<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Vec<Result<Prediction, InferenceError>> {
        match self {
            Self::Sequence(model) => model.predict(texts),
            Self::Token(model) => model.predict(texts),
        }
    }
}

impl From<SequenceClassifier> for Model {
    fn from(model: SequenceClassifier) -> Self {
        Self::Sequence(model)
    }
}

impl From<TokenClassifier> for Model {
    fn from(model: TokenClassifier) -> Self {
        Self::Token(model)
    }
}
