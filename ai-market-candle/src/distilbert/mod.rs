//! DistilBERT for sequence and token classification, on packed batches.
//!
//! `packed` lays the tokens of several texts end to end, so that no multiplication is spent on
//! padding. `model`, `layer` and `classifier` are the network; `ops` are the candle operations that
//! it needs beside matrix products, and `kernels` their inner loops on slices.

mod attention;
mod classifier;
mod kernels;
mod layer;
mod model;
mod ops;
mod packed;

pub use model::{DistilBert, ForwardError};
