use std::error::Error;

use ai_market_core::id::InvalidName;

/// Why a `config.json` describes no model that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is no JSON object, or a field has another type.
    #[error("config.json cannot be read")]
    Syntax(#[source] Box<dyn Error + Send + Sync>),
    /// The model is something else than a DistilBERT classifier, or one of another kind than asked for.
    #[error("the model is a {found}, not a {wanted}")]
    Architecture {
        /// What the file names.
        found: String,
        /// What can be run.
        wanted: String,
    },
    /// The activation is neither `gelu` nor `relu`.
    #[error("the activation {found:?} is not supported; gelu and relu are")]
    Activation {
        /// What the file names.
        found: String,
    },
    /// The outputs are no probabilities of which exactly one label is right.
    #[error("the problem type {found:?} is not supported; single_label_classification is")]
    ProblemType {
        /// What the file names.
        found: String,
    },
    /// A number is zero or beyond what any such model has.
    #[error("{field} is {found}; it must be from 1 to {max}")]
    Size {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The largest value taken.
        max: usize,
    },
    /// The heads do not divide the dimension.
    #[error("dim {dim} is not a multiple of n_heads {heads}")]
    Heads {
        /// The dimension.
        dim: usize,
        /// The heads.
        heads: usize,
    },
    /// The labels are not numbered 0, 1, 2 and so on.
    #[error("the labels are not numbered from 0 to {last} without holes: {detail}")]
    LabelNumbers {
        /// The number of the last label.
        last: usize,
        /// What is wrong.
        detail: String,
    },
    /// `num_labels` and `id2label` tell different numbers of labels.
    #[error("num_labels is {stated}, and there are {found} labels")]
    LabelCount {
        /// `num_labels`.
        stated: u64,
        /// The labels.
        found: usize,
    },
    /// There is one output only: a regression model, which has no labels to choose from.
    #[error("the model has a single label; a classifier needs at least two")]
    SingleLabel,
    /// A text that cannot be a label.
    #[error("label {index} is not valid")]
    Label {
        /// Its number.
        index: usize,
        /// Why.
        #[source]
        source: InvalidName,
    },
    /// Two outputs have the same label.
    #[error("labels {first} and {second} are both {label:?}")]
    DuplicateLabel {
        /// The one number.
        first: usize,
        /// The other number.
        second: usize,
        /// The label.
        label: String,
    },
    /// A label of a token classifier names nothing that a part of a text could be.
    #[error("label {index} names no entity type")]
    EntityType {
        /// Its number.
        index: usize,
        /// Why.
        #[source]
        source: InvalidName,
    },
}
