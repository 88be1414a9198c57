use candle_core::{Device, Tensor};

use super::attention::Attention;
use super::ops::{AddNorm, BiasActivate, Norm};
use super::packed::Packed;
use crate::config::{Activation, Head, ModelConfig};
use crate::weights::{WeightsError, WeightsFile};

/// A matrix, stored `[in, out]`, which multiplies faster than the `[out, in]` of the file.
pub(super) struct Matrix(Tensor);

impl Matrix {
    /// Puts matrices of `[out, in]` side by side.
    pub(super) fn join(parts: &[&[f32]], input: usize) -> Result<Self, WeightsError> {
        let total: usize = parts.iter().map(|part| part.len() / input).sum();
        let mut values = vec![0.0; input * total];
        let mut start = 0;
        for part in parts {
            transpose(part, input, &mut values, total, start);
            start += part.len() / input;
        }
        let tensor = Tensor::from_vec(values, (input, total), &Device::Cpu);
        Ok(Self(
            tensor.map_err(|error| WeightsError::Layout(error.into()))?,
        ))
    }

    pub(super) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.matmul(&self.0)
    }
}

/// Writes `[out, input]` into the columns of `[input, total]` that begin at `start`.
fn transpose(from: &[f32], input: usize, to: &mut [f32], total: usize, start: usize) {
    // Sixteen rows at a time, so that each cache line written is filled.
    const ROWS: usize = 16;
    for (block, rows) in from.chunks(input * ROWS).enumerate() {
        let column = start + block * ROWS;
        for i in 0..input {
            let line = &mut to[i * total + column..];
            for (value, row) in line.iter_mut().zip(rows.chunks_exact(input)) {
                *value = row[i];
            }
        }
    }
}

/// The product of the queries, keys and values.
enum Inputs {
    /// `[dim, 3 · dim]`: queries, keys, values of every token.
    All(Matrix),
    /// The queries `[dim, dim]` of first tokens, the keys and values `[dim, 2 · dim]` of every token.
    FirstOnly(Matrix, Matrix),
}

/// One transformer layer.
pub(super) struct Layer {
    heads: usize,
    dim: usize,
    activation: Activation,
    inputs: Inputs,
    inputs_bias: Vec<f32>,
    out: Matrix,
    out_bias: Vec<f32>,
    attention_norm: Norm,
    expand: Matrix,
    expand_bias: Vec<f32>,
    contract: Matrix,
    contract_bias: Vec<f32>,
    output_norm: Norm,
}

impl Layer {
    /// Takes layer `index`. The last one computes the first token of each text only where the
    /// classifier reads nothing else.
    pub(super) fn load(
        file: &WeightsFile<'_>,
        config: &ModelConfig,
        index: usize,
    ) -> Result<Self, WeightsError> {
        let (dim, hidden) = (config.dim, config.hidden_dim);
        let name = |part: &str| format!("distilbert.transformer.layer.{index}.{part}");
        let square = |part: &str| file.matrix(&name(&format!("attention.{part}.weight")), dim, dim);
        let bias = |part: &str| file.vector(&name(&format!("attention.{part}.bias")), dim);
        let norm = |part: &str| norm(file, &name(part), dim);
        let (q, k, v) = (square("q_lin")?, square("k_lin")?, square("v_lin")?);
        let inputs_bias = [bias("q_lin")?, bias("k_lin")?, bias("v_lin")?].concat();
        let (out, out_bias) = (square("out_lin")?, bias("out_lin")?);
        let attention_norm = norm("sa_layer_norm")?;
        let expand = file.matrix(&name("ffn.lin1.weight"), hidden, dim)?;
        let expand_bias = file.vector(&name("ffn.lin1.bias"), hidden)?;
        let contract = file.matrix(&name("ffn.lin2.weight"), dim, hidden)?;
        let contract_bias = file.vector(&name("ffn.lin2.bias"), dim)?;
        let output_norm = norm("output_layer_norm")?;
        let first_only = config.head == Head::Sequence && index + 1 == config.n_layers;
        let inputs = if first_only {
            Inputs::FirstOnly(Matrix::join(&[&q], dim)?, Matrix::join(&[&k, &v], dim)?)
        } else {
            Inputs::All(Matrix::join(&[&q, &k, &v], dim)?)
        };
        Ok(Self {
            heads: config.n_heads,
            dim,
            activation: config.activation,
            inputs,
            inputs_bias,
            out: Matrix::join(&[&out], dim)?,
            out_bias,
            attention_norm,
            expand: Matrix::join(&[&expand], dim)?,
            expand_bias,
            contract: Matrix::join(&[&contract], hidden)?,
            contract_bias,
            output_norm,
        })
    }

    /// `[rows, dim]` to `[rows, dim]`, or to `[texts, dim]` where only first tokens are computed.
    pub(super) fn forward(&self, x: Tensor, batch: &Packed<'_>) -> candle_core::Result<Tensor> {
        let attention = |first_only, query_stride, stride, keys| Attention {
            heads: self.heads,
            dim: self.dim,
            spans: &batch.spans,
            first_only,
            query_stride,
            stride,
            keys,
            bias: &self.inputs_bias,
        };
        let (x, mixed) = match &self.inputs {
            Inputs::All(matrix) => {
                let all = matrix.apply(&x)?;
                let op = attention(false, 3 * self.dim, 3 * self.dim, self.dim);
                let mixed = all.apply_op2_no_bwd(&all, &op)?;
                (x, mixed)
            }
            Inputs::FirstOnly(query, memory) => {
                let memory = memory.apply(&x)?;
                let starts: Vec<u32> = batch.spans.iter().map(|span| span.start as u32).collect();
                let count = starts.len();
                let first = x.index_select(&Tensor::from_vec(starts, count, &Device::Cpu)?, 0)?;
                let op = attention(true, self.dim, 2 * self.dim, 0);
                let mixed = query.apply(&first)?.apply_op2_no_bwd(&memory, &op)?;
                (first, mixed)
            }
        };
        let y = self.out.apply(&mixed)?;
        x.inplace_op2(
            &y,
            &AddNorm {
                bias: &self.out_bias,
                norm: &self.attention_norm,
            },
        )?;
        let hidden = self.expand.apply(&x)?;
        hidden.inplace_op1(&BiasActivate {
            bias: &self.expand_bias,
            activation: self.activation,
        })?;
        let y = self.contract.apply(&hidden)?;
        x.inplace_op2(
            &y,
            &AddNorm {
                bias: &self.contract_bias,
                norm: &self.output_norm,
            },
        )?;
        Ok(x)
    }
}

/// The normalization whose tensors begin with `name`.
pub(super) fn norm(file: &WeightsFile<'_>, name: &str, dim: usize) -> Result<Norm, WeightsError> {
    Ok(Norm {
        gain: file.vector(&format!("{name}.weight"), dim)?,
        shift: file.vector(&format!("{name}.bias"), dim)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_laid_side_by_side_with_columns_as_rows() {
        // Row r of the one matrix is [10r, 10r + 1, 10r + 2], of the other 100 more.
        let rows = |count: usize, from: usize| -> Vec<f32> {
            (0..count * 3)
                .map(|i| (from + i / 3 * 10 + i % 3) as f32)
                .collect()
        };
        let (a, b) = (rows(18, 0), rows(2, 1000));
        let joined = Matrix::join(&[&a, &b], 3)
            .unwrap()
            .0
            .to_vec2::<f32>()
            .unwrap();
        for (i, line) in joined.iter().enumerate() {
            for (r, value) in line.iter().enumerate() {
                let expected = if r < 18 {
                    r * 10 + i
                } else {
                    1000 + (r - 18) * 10 + i
                };
                assert_eq!(*value, expected as f32);
            }
        }
    }
}
