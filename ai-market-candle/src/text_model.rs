use std::fmt::Debug;
use std::num::NonZeroUsize;

use ai_market_core::inference::{InferenceError, ModelInfo, Prediction};

use crate::classifier::SequenceClassifier;
use crate::error::LoadError;
use crate::model::Model;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelSource};
use crate::token_classifier::TokenClassifier;

/// A model that [`Backend`](crate::Backend) can run. Clones share its weights.
pub trait TextModel: Clone + Debug + Send + Sync + 'static {
    /// Loads the model that `source` names, telling `progress` of downloads and of
    /// the parts that are made of them.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says which file cannot be had or used, and why.
    fn load(
        source: &ModelSource,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError>;

    /// What the model is, and which task types it serves.
    fn info(&self) -> &ModelInfo;

    /// The most texts worth giving at once.
    fn max_batch(&self) -> NonZeroUsize;

    /// Answers texts, blocking until all are done; one result per text, in their order.
    fn predict(&self, texts: &[&str]) -> Vec<Result<Prediction, InferenceError>>;
}

// Calls of `Self::` and `self.` are those of the types themselves, which go before the trait's.
macro_rules! text_models {
    ($($model:ident),*) => {$(
        impl TextModel for $model {
            fn load(
                source: &ModelSource,
                options: &ClassifierOptions,
                progress: &mut dyn FnMut(LoadEvent<'_>),
            ) -> Result<Self, LoadError> {
                Self::load(source, options, progress)
            }

            fn info(&self) -> &ModelInfo {
                self.info()
            }

            fn max_batch(&self) -> NonZeroUsize {
                self.max_batch()
            }

            fn predict(&self, texts: &[&str]) -> Vec<Result<Prediction, InferenceError>> {
                self.predict(texts)
            }
        }
    )*};
}

text_models!(SequenceClassifier, TokenClassifier, Model);
