use std::fmt;

use ai_market_core::id::TaskType;

/// What a model classifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Head {
    /// Whole texts: `DistilBertForSequenceClassification`.
    Sequence,
    /// Each token of a text: `DistilBertForTokenClassification`.
    Token,
}

impl Head {
    pub(super) const ALL: [Self; 2] = [Self::Sequence, Self::Token];

    /// The name of Hugging Face Transformers' class, as `architectures` in a `config.json` has it.
    #[must_use]
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Sequence => "DistilBertForSequenceClassification",
            Self::Token => "DistilBertForTokenClassification",
        }
    }

    /// The task type that such a model serves unless told otherwise: `sentiment` or `ner`.
    #[must_use]
    pub fn task_type(self) -> TaskType {
        match self {
            Self::Sequence => TaskType::sentiment(),
            Self::Token => TaskType::ner(),
        }
    }
}

/// Writes the architecture.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.architecture())
    }
}
