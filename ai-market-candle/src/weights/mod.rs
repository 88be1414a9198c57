//! Weight files: reading them, whatever their precision, and writing 8-bit ones.

mod error;
mod file;
pub(crate) mod int8;
mod precision;

pub use error::WeightsError;
pub(crate) use file::WeightsFile;
pub use precision::Precision;
