use std::num::NonZeroUsize;

use ai_market_core::inference::{
    BlockingBackend, BlockingModel, InferenceBackend, InferenceError, InferenceInput, ModelInfo,
    Prediction,
};
use async_trait::async_trait;

use crate::classifier::{Classification, SequenceClassifier};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelSource};

/// A [`SequenceClassifier`] as the backend of a worker.
///
/// It waits on a thread of its own, `ai-market-model`, and computes on those of its classifier. Start
/// several from clones of one classifier to run several workers with one copy of the weights.
#[derive(Debug)]
pub struct ClassifierBackend {
    inner: BlockingBackend,
}

impl ClassifierBackend {
    /// Starts a backend on `classifier`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Threads`] when the operating system starts no thread.
    pub fn start(classifier: SequenceClassifier) -> Result<Self, LoadError> {
        let inner = BlockingBackend::start("ai-market-model", Model(classifier))
            .map_err(|error| LoadError::Threads(error.into()))?;
        Ok(Self { inner })
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
        Self::start(SequenceClassifier::load(source, options, progress)?)
    }
}

#[async_trait]
impl InferenceBackend for ClassifierBackend {
    fn model(&self) -> &ModelInfo {
        self.inner.model()
    }

    fn max_batch(&self) -> NonZeroUsize {
        self.inner.max_batch()
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        self.inner.infer(inputs).await
    }
}

struct Model(SequenceClassifier);

impl BlockingModel for Model {
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
        let mut found = self.0.classify(&texts).into_iter();
        let mut next = || -> Result<Classification, InferenceError> {
            found
                .next()
                .unwrap_or_else(|| Err(InferenceError::failed("a text was left out")))
        };
        inputs
            .iter()
            .map(|input| {
                if served.contains(&input.task_type) {
                    Ok(self.0.prediction(&next()?))
                } else {
                    Err(InferenceError::UnsupportedTaskType(input.task_type.clone()))
                }
            })
            .collect()
    }
}
