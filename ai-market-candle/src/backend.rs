use std::num::NonZeroUsize;

use ai_market_core::inference::{
    BlockingBackend, BlockingModel, InferenceBackend, InferenceError, InferenceInput, ModelInfo,
    Prediction,
};
use async_trait::async_trait;

use crate::classifier::SequenceClassifier;
use crate::error::LoadError;
use crate::model::Model;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelSource};
use crate::text_model::TextModel;
use crate::token_classifier::TokenClassifier;

/// A model as the backend of a worker.
///
/// It waits on a thread of its own, `ai-market-model`, and computes on those of its model. Start
/// several from clones of one model to run several workers with one copy of the weights.
#[derive(Debug)]
pub struct Backend<M> {
    inner: BlockingBackend,
    model: M,
}

/// A [`SequenceClassifier`] as the backend of a worker: answers are labels.
pub type ClassifierBackend = Backend<SequenceClassifier>;

/// A [`TokenClassifier`] as the backend of a worker: answers are
/// [`Spans`](ai_market_core::submission::Spans), written as labels.
pub type TokenClassifierBackend = Backend<TokenClassifier>;

/// Whatever a model folder holds, as the backend of a worker.
///
/// ```
/// use ai_market_candle::{ClassifierOptions, Head, ModelBackend, ModelSource};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let source: ModelSource = "bundled".parse()?;
/// let backend = ModelBackend::load(&source, &ClassifierOptions::new(), &mut |_| {})?;
/// let model = backend.text_model();
/// assert_eq!(model.head(), Head::Sequence);
/// assert!(model.info().task_types.contains(&Head::Sequence.task_type())); // sentiment
/// # Ok(())
/// # }
/// ```
pub type ModelBackend = Backend<Model>;

impl<M: TextModel> Backend<M> {
    /// Starts a backend on `model`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Threads`] when the operating system starts no thread.
    pub fn start(model: M) -> Result<Self, LoadError> {
        let inner = BlockingBackend::start("ai-market-model", OnThread(model.clone()))
            .map_err(|error| LoadError::Threads(error.into()))?;
        Ok(Self { inner, model })
    }

    /// Loads a model and starts a backend on it; see [`SequenceClassifier::load`].
    ///
    /// # Errors
    ///
    /// As for [`SequenceClassifier::load`] and [`start`](Self::start).
    pub fn load(
        source: &ModelSource,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        Self::start(M::load(source, options, progress)?)
    }

    /// The model that it runs.
    #[must_use]
    pub fn text_model(&self) -> &M {
        &self.model
    }
}

#[async_trait]
impl<M: TextModel> InferenceBackend for Backend<M> {
    fn models(&self) -> &[ModelInfo] {
        self.inner.models()
    }

    fn max_batch(&self) -> NonZeroUsize {
        self.inner.max_batch()
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        self.inner.infer(inputs).await
    }
}

struct OnThread<M>(M);

impl<M: TextModel> BlockingModel for OnThread<M> {
    fn model(&self) -> &ModelInfo {
        self.0.info()
    }

    fn max_batch(&self) -> NonZeroUsize {
        self.0.max_batch()
    }

    fn infer(&mut self, inputs: &[InferenceInput]) -> Vec<Result<Prediction, InferenceError>> {
        let served = &self.0.info().task_types;
        let texts: Vec<&str> = inputs
            .iter()
            .filter(|input| served.contains(&input.task_type))
            .map(|input| &*input.text)
            .collect();
        let mut found = self.0.predict(&texts).into_iter();
        inputs
            .iter()
            .map(|input| {
                if served.contains(&input.task_type) {
                    let left_out = || Err(InferenceError::failed("a text was left out"));
                    found.next().unwrap_or_else(left_out)
                } else {
                    Err(InferenceError::UnsupportedTaskType(input.task_type.clone()))
                }
            })
            .collect()
    }
}
