use std::sync::Arc;

use crate::confidence::Confidence;
use crate::id::{Label, TaskType};
use crate::submission::Scores;

/// One text to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InferenceInput {
    /// The kind of inference asked for.
    pub task_type: TaskType,
    /// The text.
    pub text: Arc<str>,
}

impl InferenceInput {
    /// The text `text`, to be answered as a task of `task_type`.
    pub fn new(task_type: TaskType, text: impl Into<Arc<str>>) -> Self {
        Self {
            task_type,
            text: text.into(),
        }
    }
}

/// A model's answer to one text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prediction {
    /// The answer.
    pub label: Label,
    /// How sure the model is of it.
    pub confidence: Confidence,
    /// The probabilities of all labels, where the model gives them.
    pub scores: Option<Scores>,
    /// Whether the text was cut to what the model can read.
    pub truncated: bool,
    /// How many tokens the model read, where it counts them.
    pub tokens: Option<u32>,
}

impl Prediction {
    /// The answer `label`, given with `confidence`.
    #[must_use]
    pub fn new(label: Label, confidence: Confidence) -> Self {
        Self {
            label,
            confidence,
            scores: None,
            truncated: false,
            tokens: None,
        }
    }

    /// Adds the probabilities of all labels.
    #[must_use]
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.scores = Some(scores);
        self
    }

    /// Says whether the text was cut.
    #[must_use]
    pub fn with_truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }

    /// Says how many tokens the model read.
    #[must_use]
    pub fn with_tokens(mut self, tokens: u32) -> Self {
        self.tokens = Some(tokens);
        self
    }
}
