use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::{InvalidName, Label, TaskType};
use ai_market_core::inference::{
    InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::submission::{InvalidModel, ModelIdentity};
use async_trait::async_trait;

/// A model that does not read: it guesses a label, as a lazy worker would to earn points.
#[derive(Debug)]
pub struct Guessing {
    info: ModelInfo,
}

impl Guessing {
    /// Guesses among `labels` for sentiment tasks.
    ///
    /// # Errors
    ///
    /// When a label is no label.
    pub fn new<const N: usize>(
        labels: [&str; N],
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let labels: Result<Vec<Label>, InvalidName> = labels.into_iter().map(Label::new).collect();
        let identity: Result<ModelIdentity, InvalidModel> = ModelIdentity::new("guessing");
        let info = ModelInfo::new(identity?, [TaskType::sentiment()]).with_labels(labels?);
        Ok(Self { info })
    }

    fn guess(&self, text: &str) -> Option<Prediction> {
        // A hash of the text instead of dice: the same text gives the same demo.
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let dice = hasher.finish();
        let index = usize::try_from(dice % self.info.labels.len().max(1) as u64).ok()?;
        let label = self.info.labels.get(index)?.clone();
        let confidence =
            Confidence::saturating(0.6 + (dice >> 32) as f64 / f64::from(u32::MAX) * 0.4);
        Some(Prediction::new(label, confidence))
    }
}

#[async_trait]
impl InferenceBackend for Guessing {
    fn models(&self) -> &[ModelInfo] {
        std::slice::from_ref(&self.info)
    }

    fn max_batch(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(15)
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        let guess = |input: InferenceInput| {
            self.guess(&input.text)
                .ok_or_else(|| InferenceError::failed("there are no labels"))
        };
        inputs.into_iter().map(guess).collect()
    }
}
