use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::Label;
use ai_market_core::inference::{InferenceError, ModelInfo, Prediction};
use ai_market_core::submission::{ModelIdentity, Scores};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::ModelConfig;
use crate::distilbert::DistilBert;
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelFiles, ModelSource};
use crate::tokenizer::{TextTokenizer, Tokens};

/// A text classifier: tokenizer, network and labels, with threads of its own.
///
/// Clones share the weights and the threads, so one loaded model serves several workers.
#[derive(Clone)]
pub struct SequenceClassifier(Arc<Parts>);

struct Parts {
    tokenizer: TextTokenizer,
    model: DistilBert,
    info: ModelInfo,
    pool: ThreadPool,
    batch_tokens: usize,
    max_batch: NonZeroUsize,
}

/// What a classifier says of one text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Classification {
    /// The most probable label; the first of those that are equally probable.
    pub label: Label,
    /// The number of that label in [`ModelInfo::labels`].
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
    /// Loads the model that `source` names, telling `progress` of downloads.
    ///
    /// It reads files, may use the network, and computes for a moment: call it on a thread that may
    /// block. Nothing is left behind when its result is dropped.
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

    /// Makes a classifier of files in memory.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn from_files(files: ModelFiles, options: &ClassifierOptions) -> Result<Self, LoadError> {
        let config = ModelConfig::from_json(&files.config)?;
        let tokenizer = TextTokenizer::load(
            files.tokenizer.data(),
            files.tokenizer_config.as_deref(),
            config.max_positions,
            config.vocab_size,
            options.max_tokens.map(NonZeroUsize::get),
        )?;
        let labels = if options.lowercase_labels {
            config.lowercase_labels()?
        } else {
            config.labels.clone()
        };
        let threads = match options.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("ai-infer-{index}"))
            .build()
            .map_err(|error| LoadError::Threads(error.into()))?;
        // The hash takes about as long as the rest, so both run at once.
        let (model, revision) = pool.join(
            || DistilBert::load(config, &files.weights),
            || files.revision_or_hash(),
        );
        let model = model?;
        let identity = ModelIdentity::new(files.id)?
            .with_revision(revision)?
            .with_precision(model.precision().as_str())?;
        let info = ModelInfo::new(identity, options.task_types.iter().cloned()).with_labels(labels);
        Ok(Self(Arc::new(Parts {
            tokenizer,
            model,
            info,
            pool,
            batch_tokens: options.batch_tokens.get(),
            max_batch: options.max_batch,
        })))
    }

    /// The model's identity, the task types it serves and its labels in the order of the logits.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    /// The most texts worth giving at once.
    #[must_use]
    pub fn max_batch(&self) -> NonZeroUsize {
        self.0.max_batch
    }

    /// The most tokens read of a text, special ones included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.0.tokenizer.max_tokens()
    }

    /// The network.
    #[must_use]
    pub fn model(&self) -> &DistilBert {
        &self.0.model
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.0.tokenizer
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
        self.0.pool.install(|| {
            let mut tokens: Vec<Result<Tokens, InferenceError>> = texts
                .par_iter()
                .with_min_len(4)
                .map(|text| self.0.tokenizer.encode(text.as_ref()))
                .collect();
            let mut logits = self.compute(&tokens).into_iter();
            tokens
                .drain(..)
                .map(|tokens| {
                    let tokens = tokens?;
                    let logits = logits.next().unwrap_or_else(|| Err(failed("no logits")))?;
                    self.conclude(&tokens, logits)
                })
                .collect()
        })
    }

    /// The logits of those texts that have tokens, in their order.
    fn compute(
        &self,
        tokens: &[Result<Tokens, InferenceError>],
    ) -> Vec<Result<Vec<f32>, InferenceError>> {
        let readable: Vec<&[u32]> = tokens.iter().flatten().map(|t| t.ids.as_slice()).collect();
        let mut results = Vec::with_capacity(readable.len());
        let mut rest = readable.as_slice();
        while !rest.is_empty() {
            let mut sum = 0;
            let fitting = rest.iter().take_while(|ids| {
                sum += ids.len();
                sum <= self.0.batch_tokens
            });
            let (batch, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            match self.0.model.logits(batch) {
                Ok(logits) => results.extend(logits.into_iter().map(Ok)),
                Err(error) => {
                    let error = Arc::new(error);
                    results.extend(batch.iter().map(|_| Err(failed(Shared(error.clone())))));
                }
            }
        }
        results
    }

    fn conclude(
        &self,
        tokens: &Tokens,
        logits: Vec<f32>,
    ) -> Result<Classification, InferenceError> {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(failed("the network gave numbers that are not finite"));
        }
        let probabilities = softmax(&logits);
        // The logits decide, since probabilities can round to the same number.
        let best =
            logits
                .iter()
                .enumerate()
                .fold((0, f32::NEG_INFINITY), |best, (index, logit)| {
                    if *logit > best.1 {
                        (index, *logit)
                    } else {
                        best
                    }
                });
        let label = self.0.info.labels.get(best.0).cloned();
        Ok(Classification {
            label: label.ok_or_else(|| failed("the network gave more outputs than labels"))?,
            index: best.0,
            logits,
            probabilities,
            tokens: tokens.ids.len(),
            truncated: tokens.truncated,
        })
    }

    /// Makes a prediction of a classification: the probability of its label as confidence, and the
    /// probabilities of all labels where there are not more than [`Scores::MAX_LABELS`].
    pub(crate) fn prediction(&self, found: &Classification) -> Prediction {
        let confidence = |index: usize| {
            Confidence::saturating(found.probabilities.get(index).copied().unwrap_or(0.0))
        };
        let prediction = Prediction::new(found.label.clone(), confidence(found.index))
            .with_truncated(found.truncated);
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

/// Probabilities of finite logits.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|x| (f64::from(*x) - f64::from(max)).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> InferenceError {
    InferenceError::failed(cause)
}

/// One error for all texts of a batch.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<crate::distilbert::ForwardError>);

impl fmt::Debug for SequenceClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequenceClassifier")
            .field("info", &self.0.info)
            .field("tokenizer", &self.0.tokenizer)
            .field("threads", &self.0.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn probabilities_sum_to_one_however_large_the_logits() {
        for logits in [
            &[0.0, 0.0][..],
            &[3e38, -3e38],
            &[-1e30, -1e30, -1e30],
            &[88.0, 89.0, 1.0],
        ] {
            let probabilities = softmax(logits);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        }
        assert_eq!(softmax(&[1.0, 1.0]), [0.5, 0.5]);
    }
}
