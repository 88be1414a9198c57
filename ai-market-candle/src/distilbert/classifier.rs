use candle_core::Tensor;

use super::layer::Matrix;
use super::ops::BiasActivate;
use crate::config::{Activation, Head, ModelConfig};
use crate::weights::{WeightsError, WeightsFile};

/// What makes logits of the last layer's output, row by row.
pub(super) struct Classifier {
    /// A layer before the last one, which only classifiers of whole texts have.
    hidden: Option<(Matrix, Vec<f32>)>,
    out: Matrix,
    bias: Vec<f32>,
}

impl Classifier {
    pub(super) fn load(file: &WeightsFile<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        const HIDDEN: &str = "pre_classifier.weight";
        let (dim, labels) = (config.dim, config.labels.len());
        let hidden = match config.head {
            Head::Sequence => {
                let hidden = file.matrix(HIDDEN, dim, dim)?;
                let bias = file.vector("pre_classifier.bias", dim)?;
                Some((Matrix::join(&[&hidden], dim)?, bias))
            }
            // Its logits would mean nothing: that classifier was trained behind another layer.
            Head::Token if file.has(HIDDEN) => {
                return Err(WeightsError::OtherHead {
                    name: HIDDEN.to_owned(),
                    owner: Head::Sequence.architecture(),
                    stated: config.head.architecture(),
                });
            }
            Head::Token => None,
        };
        let out = file.matrix("classifier.weight", labels, dim)?;
        Ok(Self {
            hidden,
            out: Matrix::join(&[&out], dim)?,
            bias: file.vector("classifier.bias", labels)?,
        })
    }

    /// `[rows, dim]` to the logits of each row, one row after the other.
    pub(super) fn forward(&self, x: &Tensor) -> candle_core::Result<Vec<f32>> {
        let logits = match &self.hidden {
            Some((matrix, bias)) => {
                let x = matrix.apply(x)?;
                x.inplace_op1(&BiasActivate {
                    bias,
                    activation: Activation::Relu,
                })?;
                self.out.apply(&x)?
            }
            None => self.out.apply(x)?,
        };
        let mut logits = logits.flatten_all()?.to_vec1::<f32>()?;
        for row in logits.chunks_exact_mut(self.bias.len()) {
            for (logit, bias) in row.iter_mut().zip(&self.bias) {
                *logit += bias;
            }
        }
        Ok(logits)
    }
}
