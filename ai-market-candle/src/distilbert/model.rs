use std::error::Error;
use std::fmt;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::classifier::Classifier;
use super::kernels;
use super::layer::{Layer, norm};
use super::ops::Norm;
use super::packed::Packed;
use crate::config::{Head, ModelConfig};
use crate::weights::{Precision, WeightsError, WeightsFile};

/// The network: token ids in, logits out, computed in f32 on the processor.
///
/// Weights are shared when it is shared; it has no state that changes.
pub struct DistilBert {
    config: ModelConfig,
    precision: Precision,
    words: Vec<f32>,
    positions: Vec<f32>,
    embedding_norm: Norm,
    layers: Vec<Layer>,
    classifier: Classifier,
}

/// Why token ids gave no logits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// A text has no tokens.
    #[error("text {text} of the batch has no tokens")]
    Empty {
        /// Its place in the batch.
        text: usize,
    },
    /// A text has more tokens than the model has positions.
    #[error("text {text} of the batch has {tokens} tokens; the model reads {max}")]
    TooLong {
        /// Its place in the batch.
        text: usize,
        /// Its tokens.
        tokens: usize,
        /// The model's positions.
        max: usize,
    },
    /// A token id that the model does not know.
    #[error("text {text} of the batch has the token id {id}; the model knows {vocab_size} tokens")]
    UnknownToken {
        /// Its place in the batch.
        text: usize,
        /// The id.
        id: u32,
        /// The number of tokens.
        vocab_size: usize,
    },
    /// The computation failed.
    #[error("the computation failed")]
    Compute(#[source] Box<dyn Error + Send + Sync>),
}

impl From<candle_core::Error> for ForwardError {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(error.into())
    }
}

impl DistilBert {
    /// Takes the weights out of the bytes of a `model.safetensors`.
    ///
    /// The names are those of Hugging Face's `DistilBertForSequenceClassification` or
    /// `DistilBertForTokenClassification`, as [`ModelConfig::head`] says; tensors that it does not
    /// need are ignored. Stored may be f32, f16, bf16 or the 8-bit form that
    /// [`quantize`](crate::quantize) writes.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when the bytes are no safetensors file, or a tensor is missing, has another
    /// shape or type, holds infinities, or belongs to the other kind of classifier.
    pub fn load(config: ModelConfig, safetensors: &[u8]) -> Result<Self, WeightsError> {
        let file = WeightsFile::parse(safetensors)?;
        let dim = config.dim;
        let embeddings = |part: &str| format!("distilbert.embeddings.{part}");
        let words = file.matrix(
            &embeddings("word_embeddings.weight"),
            config.vocab_size,
            dim,
        )?;
        let positions = file.matrix(
            &embeddings("position_embeddings.weight"),
            config.max_positions,
            dim,
        )?;
        let embedding_norm = norm(&file, &embeddings("LayerNorm"), dim)?;
        // Not parallel: loading is mostly bound by memory.
        let layers = (0..config.n_layers)
            .map(|index| Layer::load(&file, &config, index))
            .collect::<Result<_, _>>()?;
        let classifier = Classifier::load(&file, &config)?;
        Ok(Self {
            precision: file.precision(),
            words,
            positions,
            embedding_norm,
            layers,
            classifier,
            config,
        })
    }

    /// The shape and the labels.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The coarsest precision in which weights that it uses were stored.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Computes the logits of several texts, given by the ids of their tokens, special ones included.
    ///
    /// The texts are packed, not padded, so each costs what its own tokens cost. The result has one
    /// row per text: a number per label, or, in a classifier of tokens, a number per token and label,
    /// token by token. A text's logits can differ in the last bits with what else is in the batch,
    /// since the sums are made in another order.
    ///
    /// It computes on the rayon thread pool that it is called in, or on rayon's global one.
    ///
    /// # Errors
    ///
    /// [`ForwardError`] when a text is empty, longer than the model's positions, or holds an unknown
    /// id. Nothing is computed then.
    pub fn logits(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, ForwardError> {
        self.check(texts)?;
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Packed::new(texts);
        let mut x = self.embed(&batch)?;
        for layer in &self.layers {
            x = layer.forward(x, &batch)?;
        }
        let logits = self.classifier.forward(&x)?;
        let mut rest = logits.as_slice();
        let labels = self.config.labels.len();
        let rows = texts.iter().map(|ids| {
            let rows = match self.config.head {
                Head::Sequence => 1,
                Head::Token => ids.len(),
            };
            let (row, later) = rest.split_at(rows * labels);
            rest = later;
            row.to_vec()
        });
        Ok(rows.collect())
    }

    fn check(&self, texts: &[&[u32]]) -> Result<(), ForwardError> {
        let (max, vocab_size) = (self.config.max_positions, self.config.vocab_size);
        for (text, ids) in texts.iter().enumerate() {
            if ids.is_empty() {
                return Err(ForwardError::Empty { text });
            }
            if ids.len() > max {
                return Err(ForwardError::TooLong {
                    text,
                    tokens: ids.len(),
                    max,
                });
            }
            if let Some(id) = ids.iter().copied().find(|id| *id as usize >= vocab_size) {
                return Err(ForwardError::UnknownToken {
                    text,
                    id,
                    vocab_size,
                });
            }
        }
        Ok(())
    }

    /// The normalized sum of word and position embeddings, `[rows, dim]`.
    fn embed(&self, batch: &Packed<'_>) -> candle_core::Result<Tensor> {
        let dim = self.config.dim;
        let tokens: Vec<(usize, usize)> = batch
            .texts
            .iter()
            .flat_map(|ids| ids.iter().enumerate().map(|(at, id)| (at, *id as usize)))
            .collect();
        let mut rows = vec![0.0; batch.rows * dim];
        rows.par_chunks_mut(dim)
            .zip(&tokens)
            .with_min_len(32)
            .for_each(|(row, (at, id))| {
                let word = &self.words[id * dim..][..dim];
                row.copy_from_slice(&self.positions[at * dim..][..dim]);
                kernels::dispatch(
                    #[inline(always)]
                    || {
                        for (x, w) in row.iter_mut().zip(word) {
                            *x += w;
                        }
                        kernels::layer_norm(
                            row,
                            &self.embedding_norm.gain,
                            &self.embedding_norm.shift,
                        );
                    },
                );
            });
        Tensor::from_vec(rows, (batch.rows, dim), &Device::Cpu)
    }
}

/// Says what it is, without the weights.
impl fmt::Debug for DistilBert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistilBert")
            .field("config", &self.config)
            .field("precision", &self.precision)
            .finish_non_exhaustive()
    }
}
