use std::ops::Range;

use candle_core::{CpuStorage, Error, InplaceOp1, InplaceOp2, Layout, Result};
use rayon::prelude::*;

use super::kernels;
use crate::config::Activation;

/// Rows that one task takes: enough to be worth handing to another thread.
const ROWS: usize = 8;

/// `x ← activation(x + bias)`, row by row.
pub(super) struct BiasActivate<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

impl InplaceOp1 for BiasActivate<'_> {
    fn name(&self) -> &'static str {
        "bias-activate"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, x_at: &Layout) -> Result<()> {
        let range = contiguous(x_at)?;
        let x = &mut f32s_mut(x)?[range];
        x.par_chunks_mut(self.bias.len() * ROWS).for_each(|rows| {
            kernels::dispatch(
                #[inline(always)]
                || {
                    for row in rows.chunks_exact_mut(self.bias.len()) {
                        match self.activation {
                            Activation::Gelu => kernels::bias_gelu(row, self.bias),
                            Activation::Relu => kernels::bias_relu(row, self.bias),
                        }
                    }
                },
            );
        });
        Ok(())
    }
}

/// A layer normalization's parameters.
pub(super) struct Norm {
    pub(super) gain: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// `x ← norm(x + y + bias)`, row by row.
pub(super) struct AddNorm<'a> {
    pub(super) bias: &'a [f32],
    pub(super) norm: &'a Norm,
}

impl InplaceOp2 for AddNorm<'_> {
    fn name(&self) -> &'static str {
        "add-norm"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_at: &Layout,
        y: &CpuStorage,
        y_at: &Layout,
    ) -> Result<()> {
        let range = contiguous(x_at)?;
        let x = &mut f32s_mut(x)?[range];
        let y = &f32s(y)?[contiguous(y_at)?];
        let dim = self.bias.len();
        x.par_chunks_mut(dim * ROWS)
            .zip(y.par_chunks(dim * ROWS))
            .for_each(|(x, y)| {
                kernels::dispatch(
                    #[inline(always)]
                    || {
                        for (x, y) in x.chunks_exact_mut(dim).zip(y.chunks_exact(dim)) {
                            kernels::add_biased(x, y, self.bias);
                            kernels::layer_norm(x, &self.norm.gain, &self.norm.shift);
                        }
                    },
                );
            });
        Ok(())
    }
}

/// The part of a storage that a tensor fills.
pub(super) fn contiguous(layout: &Layout) -> Result<Range<usize>> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("a tensor is not contiguous".to_owned()))?;
    Ok(start..end)
}

pub(super) fn f32s(storage: &CpuStorage) -> Result<&[f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        _ => Err(Error::Msg("a tensor is not of type f32".to_owned())),
    }
}

fn f32s_mut(storage: &mut CpuStorage) -> Result<&mut [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        _ => Err(Error::Msg("a tensor is not of type f32".to_owned())),
    }
}
