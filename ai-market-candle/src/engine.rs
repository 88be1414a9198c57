use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use ai_market_core::id::Label;
use ai_market_core::inference::{InferenceError, ModelInfo};
use ai_market_core::submission::ModelIdentity;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::ModelConfig;
use crate::distilbert::{DistilBert, ForwardError};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::source::{LoadEvent, ModelFiles, ModelPart};
use crate::tokenizer::{TextTokenizer, Tokens};

/// What every classifier is made of: a tokenizer, a network, and threads of its own.
pub(crate) struct Engine {
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) model: DistilBert,
    pub(crate) info: ModelInfo,
    pub(crate) max_batch: NonZeroUsize,
    pool: ThreadPool,
    batch_tokens: usize,
}

impl Engine {
    /// Loads a model of `config` that can answer `labels`, or free text where they are empty.
    pub(crate) fn load(
        files: ModelFiles,
        config: ModelConfig,
        labels: Vec<Label>,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        let mut tell = |part, bytes: usize| {
            let bytes = bytes as u64;
            progress(LoadEvent::Loading { part, bytes });
        };
        tell(ModelPart::Tokenizer, files.tokenizer.len());
        let tokenizer = TextTokenizer::load(
            files.tokenizer.data(),
            files.tokenizer_config.as_deref(),
            config.max_positions,
            config.vocab_size,
            options.max_tokens.map(NonZeroUsize::get),
        )?;
        let task_types = options.task_types_for(config.head);
        let threads = match options.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("ai-infer-{index}"))
            .build()
            .map_err(|error| LoadError::Threads(error.into()))?;
        tell(ModelPart::Weights, files.weights.len());
        // The hash takes about as long as the rest, so both run at once.
        let (model, revision) = pool.join(
            || DistilBert::load(config, &files.weights),
            || files.revision_or_hash(),
        );
        let model = model?;
        let identity = ModelIdentity::new(files.id)?
            .with_revision(revision)?
            .with_precision(model.precision().as_str())?;
        Ok(Self {
            tokenizer,
            model,
            info: ModelInfo::new(identity, task_types).with_labels(labels),
            max_batch: options.max_batch,
            pool,
            batch_tokens: options.batch_tokens.get(),
        })
    }

    /// Answers texts, in packed batches: makes tokens of each, runs the network, and concludes from
    /// its tokens and its finite logits.
    pub(crate) fn run<T: AsRef<str> + Sync, A>(
        &self,
        texts: &[T],
        encode: impl Fn(&TextTokenizer, &str) -> Result<Tokens, InferenceError> + Sync,
        conclude: impl Fn(&str, &Tokens, Vec<f32>) -> Result<A, InferenceError> + Sync,
    ) -> Vec<Result<A, InferenceError>>
    where
        A: Send,
    {
        self.pool.install(|| {
            let tokens: Vec<Result<Tokens, InferenceError>> = texts
                .par_iter()
                .with_min_len(4)
                .map(|text| encode(&self.tokenizer, text.as_ref()))
                .collect();
            let mut logits = self.compute(&tokens).into_iter();
            texts
                .iter()
                .zip(tokens)
                .map(|(text, tokens)| {
                    let tokens = tokens?;
                    let logits = logits.next().unwrap_or_else(|| Err(failed("no logits")))?;
                    if !logits.iter().all(|logit| logit.is_finite()) {
                        return Err(failed("the network gave numbers that are not finite"));
                    }
                    conclude(text.as_ref(), &tokens, logits)
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
                sum <= self.batch_tokens
            });
            let (batch, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            match self.model.logits(batch) {
                Ok(logits) => results.extend(logits.into_iter().map(Ok)),
                Err(error) => {
                    let error = Arc::new(error);
                    results.extend(batch.iter().map(|_| Err(failed(Shared(error.clone())))));
                }
            }
        }
        results
    }
}

/// The methods that all classifiers have, for a type with `of_files`, and `engine` for its engine.
macro_rules! classifier_methods {
    ($name:ident) => {
        impl $name {
            /// Loads the model that `source` names, telling `progress` of
            /// downloads and of the parts that are made of them.
            ///
            /// It reads files, may use the network, and computes for a moment: call it on a thread
            /// that may block. Nothing is left behind when its result is dropped.
            ///
            /// # Errors
            ///
            /// [`LoadError`](crate::LoadError) says which file cannot be had or used, and why.
            pub fn load(
                source: &crate::ModelSource,
                options: &crate::ClassifierOptions,
                progress: &mut dyn FnMut(crate::LoadEvent<'_>),
            ) -> Result<Self, crate::LoadError> {
                let files = source.fetch(options, progress)?;
                Self::of_files(files, options, progress)
            }

            /// Makes a model of files in memory.
            ///
            /// # Errors
            ///
            /// As for [`load`](Self::load).
            pub fn from_files(
                files: crate::ModelFiles,
                options: &crate::ClassifierOptions,
            ) -> Result<Self, crate::LoadError> {
                Self::of_files(files, options, &mut |_| {})
            }

            /// The model's identity and the task types it serves, with the labels that it can
            /// answer in the order of the logits; none where it answers spans.
            #[must_use]
            pub fn info(&self) -> &ai_market_core::inference::ModelInfo {
                &self.engine().info
            }

            /// The most texts worth giving at once.
            #[must_use]
            pub fn max_batch(&self) -> std::num::NonZeroUsize {
                self.engine().max_batch
            }

            /// The most tokens read of a text, special ones included.
            #[must_use]
            pub fn max_tokens(&self) -> usize {
                self.engine().tokenizer.max_tokens()
            }

            /// The network.
            #[must_use]
            pub fn model(&self) -> &crate::DistilBert {
                &self.engine().model
            }

            /// The tokenizer.
            #[must_use]
            pub fn tokenizer(&self) -> &crate::TextTokenizer {
                &self.engine().tokenizer
            }
        }
    };
}

pub(crate) use classifier_methods;

pub(crate) fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> InferenceError {
    InferenceError::failed(cause)
}

/// A number of tokens as answers tell it.
pub(crate) fn saturating(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// One error for all texts of a batch.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<ForwardError>);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("info", &self.info)
            .field("tokenizer", &self.tokenizer)
            .field("threads", &self.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}
