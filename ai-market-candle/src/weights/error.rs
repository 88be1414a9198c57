use std::error::Error;

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is no safetensors file, or its header contradicts itself or the file's size.
    #[error("model.safetensors is damaged or is no safetensors file")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
    /// A tensor that the model needs is not there.
    #[error("tensor {name} is missing")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("tensor {name} has shape {found:?} where {expected:?} is expected")]
    Shape {
        /// The tensor.
        name: String,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor is stored in a type that is not supported.
    #[error("tensor {name} is stored as {found}; F32, F16, BF16 and I8 with scales are supported")]
    Type {
        /// The tensor.
        name: String,
        /// Its type in the file.
        found: String,
    },
    /// A tensor holds an infinite number or one that is none.
    #[error("tensor {name} holds numbers that are not finite")]
    NotFinite {
        /// The tensor.
        name: String,
    },
    /// A tensor belongs to a classifier of another kind than the configuration names.
    #[error("tensor {name} belongs to a {owner}, and the configuration names a {stated}")]
    OtherHead {
        /// The tensor.
        name: String,
        /// The architecture that has it.
        owner: &'static str,
        /// The architecture that the configuration names.
        stated: &'static str,
    },
    /// The tensors were read and could not be laid out for computing.
    #[error("the weights cannot be laid out for computing")]
    Layout(#[source] Box<dyn Error + Send + Sync>),
    /// The 8-bit form has a version that this program does not know.
    #[error("the 8-bit form has version {found:?}; this program reads version {known:?}")]
    Version {
        /// The version in the file.
        found: String,
        /// The version that can be read.
        known: &'static str,
    },
}
