use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape};
use rayon::prelude::*;

use super::kernels::{self, LANES};
use super::ops::{contiguous, f32s};

/// Query rows of one task: enough to pay for laying out the keys, few enough to share one long text
/// among threads.
const BLOCK: usize = 32;

/// Multi-head attention within each text of a packed batch.
///
/// The first operand holds the queries in its first `dim` columns, the second the keys and values at
/// the columns that `keys` and `values` name. The result is `[queries, dim]`.
pub(super) struct Attention<'a> {
    pub(super) heads: usize,
    pub(super) dim: usize,
    /// The rows of the second operand that belong to each text.
    pub(super) spans: &'a [Range<usize>],
    /// Whether there is one query per text, for its first token, instead of one per token.
    pub(super) first_only: bool,
    /// Columns of the first operand.
    pub(super) query_stride: usize,
    /// Columns of the second operand.
    pub(super) stride: usize,
    /// The first column of the keys; that of the values is `dim` further.
    pub(super) keys: usize,
    /// What is added to queries, keys and values: three times `dim` numbers.
    pub(super) bias: &'a [f32],
}

/// Some query rows of one text.
struct Task<'a> {
    span: Range<usize>,
    queries: Range<usize>,
    out: &'a mut [f32],
}

#[derive(Default)]
struct Scratch {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    scores: Vec<f32>,
    mixed: Vec<f32>,
}

impl Attention<'_> {
    fn tasks<'o>(&self, mut out: &'o mut [f32]) -> Vec<Task<'o>> {
        let mut tasks = Vec::new();
        for (text, span) in self.spans.iter().enumerate() {
            let queries = if self.first_only {
                text..text + 1
            } else {
                span.clone()
            };
            for start in queries.clone().step_by(BLOCK) {
                let block = start..queries.end.min(start + BLOCK);
                let (head, tail) = out.split_at_mut(block.len() * self.dim);
                tasks.push(Task {
                    span: span.clone(),
                    queries: block,
                    out: head,
                });
                out = tail;
            }
        }
        tasks
    }

    #[inline(always)]
    fn run(&self, task: &mut Task<'_>, queries: &[f32], memory: &[f32], scratch: &mut Scratch) {
        let head_dim = self.dim / self.heads;
        let scale = 1.0 / (head_dim as f32).sqrt();
        let width = head_dim.next_multiple_of(LANES);
        let (count, len) = (task.queries.len(), task.span.len());
        let columns = len.next_multiple_of(LANES);
        let Scratch {
            queries: q,
            keys: k,
            values: v,
            scores,
            mixed,
        } = scratch;
        q.resize(count * head_dim, 0.0);
        k.clear();
        k.resize(head_dim * columns, 0.0);
        v.clear();
        v.resize(len * width, 0.0);
        scores.resize(count * columns, 0.0);
        mixed.resize(count * width, 0.0);
        for head in 0..self.heads {
            let at = head * head_dim;
            let bias = |part: usize| &self.bias[part * self.dim + at..][..head_dim];
            for (row, q) in task.queries.clone().zip(q.chunks_exact_mut(head_dim)) {
                let from = &queries[row * self.query_stride + at..][..head_dim];
                for ((q, x), b) in q.iter_mut().zip(from).zip(bias(0)) {
                    *q = (x + b) * scale;
                }
            }
            for (j, row) in task.span.clone().enumerate() {
                let line = &memory[row * self.stride + self.keys + at..];
                for ((i, x), b) in line[..head_dim].iter().enumerate().zip(bias(1)) {
                    k[i * columns + j] = x + b;
                }
                let line = &line[self.dim..][..head_dim];
                for ((v, x), b) in v[j * width..].iter_mut().zip(line).zip(bias(2)) {
                    *v = x + b;
                }
            }
            kernels::product(q, head_dim, count, head_dim, k, columns, scores);
            for row in scores.chunks_exact_mut(columns) {
                kernels::softmax(&mut row[..len]);
            }
            kernels::product(scores, columns, count, len, v, width, mixed);
            for (out, row) in task
                .out
                .chunks_exact_mut(self.dim)
                .zip(mixed.chunks_exact(width))
            {
                out[at..at + head_dim].copy_from_slice(&row[..head_dim]);
            }
        }
    }
}

impl CustomOp2 for Attention<'_> {
    fn name(&self) -> &'static str {
        "packed-attention"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_at: &Layout,
        memory: &CpuStorage,
        memory_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let queries = &f32s(queries)?[contiguous(queries_at)?];
        let memory = &f32s(memory)?[contiguous(memory_at)?];
        let rows = queries.len() / self.query_stride;
        let mut out = vec![0.0; rows * self.dim];
        self.tasks(&mut out).into_par_iter().for_each_init(
            Scratch::default,
            |scratch, mut task| {
                kernels::dispatch(
                    #[inline(always)]
                    || self.run(&mut task, queries, memory, scratch),
                );
            },
        );
        Ok((CpuStorage::F32(out), Shape::from((rows, self.dim))))
    }
}
