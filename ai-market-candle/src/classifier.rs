use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::Label;
use ai_market_core::inference::{InferenceError, Prediction};
use ai_market_core::submission::Scores;

use crate::config::{Head, ModelConfig};
use crate::engine::{Engine, classifier_methods, failed, saturating};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::softmax::{largest, softmax};
use crate::source::{LoadEvent, ModelFiles, ModelPart};
use crate::tokenizer::{TextTokenizer, Tokens};

/// A text classifier: tokenizer, network and labels, with threads of its own.
///
/// Clones share the weights and the threads, so one loaded model serves several workers.
#[derive(Clone)]
pub struct SequenceClassifier(Arc<Engine>);

/// What a classifier says of one text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Classification {
    /// The most probable label; the first of those that are equally probable.
    pub label: Label,
    /// The number of that label in [`ModelInfo::labels`](ai_market_core::inference::ModelInfo::labels).
    pub index: usize,
    /// The network's outputs, one per label in the order of the labels.
    pub logits: Vec<f32>,
    /// The softmax of the logits: numbers from 0 to 1 that sum to 1.
    pub probabilities: Vec<f64>,
    /// Tokens read, special ones included.
    pub tokens: usize,
    /// Whether the end of the text was cut off.
    pub truncated: bool,
}

impl SequenceClassifier {
    pub(crate) fn of_files(
        files: ModelFiles,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        progress(LoadEvent::Loading {
            part: ModelPart::Config,
            bytes: files.config.len() as u64,
        });
        let config = ModelConfig::for_head(&files.config, Head::Sequence)?;
        let labels = if options.lowercase_for(config.head) {
            config.lowercase_labels()?
        } else {
            config.labels.clone()
        };
        let engine = Engine::load(files, config, labels, options, progress)?;
        Ok(Self(Arc::new(engine)))
    }

    /// Classifies texts; one result per text, in their order.
    ///
    /// It blocks until all are done, and takes any number of texts: they are computed in packed
    /// batches of [`ClassifierOptions::batch_tokens`] tokens.
    ///
    /// # Errors
    ///
    /// Each text has its own: [`InferenceError::UnreadableInput`] when it gives no tokens that the
    /// model knows, [`InferenceError::Failed`] when the network gives numbers that are not finite.
    pub fn classify<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Vec<Result<Classification, InferenceError>> {
        self.0
            .run(texts, TextTokenizer::encode, |_, tokens, logits| {
                self.conclude(tokens, logits)
            })
    }

    /// Answers texts as [`classify`](Self::classify) does, in the form that a worker hands in: with
    /// the probability of the label as confidence, and the probabilities of all labels where there
    /// are not more than [`Scores::MAX_LABELS`].
    ///
    /// # Errors
    ///
    /// Each text has its own, as in [`classify`](Self::classify).
    pub fn predict<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Vec<Result<Prediction, InferenceError>> {
        let found = self.classify(texts).into_iter();
        found.map(|found| Ok(self.prediction(&found?))).collect()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0
    }

    fn conclude(
        &self,
        tokens: &Tokens,
        logits: Vec<f32>,
    ) -> Result<Classification, InferenceError> {
        let index = largest(&logits);
        let label = self.0.info.labels.get(index).cloned();
        Ok(Classification {
            label: label.ok_or_else(|| failed("the network gave more outputs than labels"))?,
            index,
            probabilities: softmax(&logits),
            logits,
            tokens: tokens.ids.len(),
            truncated: tokens.truncated,
        })
    }

    fn prediction(&self, found: &Classification) -> Prediction {
        let confidence = |index: usize| {
            Confidence::saturating(found.probabilities.get(index).copied().unwrap_or(0.0))
        };
        let prediction = Prediction::new(found.label.clone(), confidence(found.index))
            .with_truncated(found.truncated)
            .with_tokens(saturating(found.tokens));
        let labels = self.0.info.labels.iter().cloned();
        let scores: BTreeMap<Label, Confidence> = labels
            .enumerate()
            .map(|(index, label)| (label, confidence(index)))
            .collect();
        match Scores::new(scores) {
            Ok(scores) => prediction.with_scores(scores),
            Err(_) => prediction,
        }
    }
}

classifier_methods!(SequenceClassifier);

impl fmt::Debug for SequenceClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SequenceClassifier").field(&self.0).finish()
    }
}
