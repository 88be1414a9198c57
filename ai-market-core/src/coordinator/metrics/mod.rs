//! What a coordinator counts.

mod families;
mod meter;

pub(super) use meter::Metrics;
