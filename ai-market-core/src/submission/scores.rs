use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::confidence::Confidence;
use crate::id::Label;

/// The probability that a model gave to each label it knows, in the order of the labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<Label, Confidence>",
    into = "BTreeMap<Label, Confidence>"
)]
pub struct Scores(BTreeMap<Label, Confidence>);

/// Scores for more labels than can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scores name {given} labels; at most {} are taken", Scores::MAX_LABELS)]
pub struct InvalidScores {
    given: usize,
}

impl Scores {
    /// The most labels that can be scored.
    pub const MAX_LABELS: usize = 256;

    /// Takes a probability per label.
    ///
    /// # Errors
    ///
    /// [`InvalidScores`] when there are more than [`MAX_LABELS`](Self::MAX_LABELS).
    pub fn new(scores: BTreeMap<Label, Confidence>) -> Result<Self, InvalidScores> {
        if scores.len() > Self::MAX_LABELS {
            return Err(InvalidScores {
                given: scores.len(),
            });
        }
        Ok(Self(scores))
    }

    /// The probability of `label`, where it was scored.
    #[must_use]
    pub fn get(&self, label: &Label) -> Option<Confidence> {
        self.0.get(label).copied()
    }

    /// Each label with its probability, in the order of the labels.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Label, Confidence)> {
        self.0.iter().map(|(label, score)| (label, *score))
    }

    /// How many labels are scored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no label is scored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<Label, Confidence>> for Scores {
    type Error = InvalidScores;

    fn try_from(scores: BTreeMap<Label, Confidence>) -> Result<Self, InvalidScores> {
        Self::new(scores)
    }
}

impl From<Scores> for BTreeMap<Label, Confidence> {
    fn from(scores: Scores) -> Self {
        scores.0
    }
}
