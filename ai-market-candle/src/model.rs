use ai_market_core::inference::{InferenceError, Prediction};

use crate::classifier::SequenceClassifier;
use crate::config::{Head, ModelConfig};
use crate::engine::{Engine, classifier_methods};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelFiles};
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
    pub(crate) fn of_files(
        files: ModelFiles,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        match ModelConfig::from_json(&files.config)?.head {
            Head::Sequence => {
                SequenceClassifier::of_files(files, options, progress).map(Self::Sequence)
            }
            Head::Token => TokenClassifier::of_files(files, options, progress).map(Self::Token),
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

    fn engine(&self) -> &Engine {
        match self {
            Self::Sequence(model) => model.engine(),
            Self::Token(model) => model.engine(),
        }
    }
}

classifier_methods!(Model);

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
