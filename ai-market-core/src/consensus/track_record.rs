use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Label;

use super::compare::{Comparator, Exact, agrees};

/// What a policy has learned of a worker for one task type, or of a task type as a whole.
///
/// It is bounded in size: at most [`MAX_CELLS`](Self::MAX_CELLS) pairs of labels are counted, and
/// only labels of at most [`MAX_LABEL_BYTES`](Self::MAX_LABEL_BYTES) bytes; other answers count in
/// the totals alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackRecord {
    /// The re-estimation that the record comes from; 0 when it was only ever counted up.
    #[serde(default)]
    pub epoch: u64,
    /// How many answers were the final label.
    pub agreements: u64,
    /// How many answers were another label.
    pub disagreements: u64,
    /// Agreements in a row up to now; below zero, disagreements in a row.
    pub streak: i64,
    /// The agreements and disagreements that no standing is judged by, since the worker was
    /// reinstated after them.
    #[serde(default, skip_serializing_if = "is_none_forgiven")]
    forgiven: (u64, u64),
    /// How often `given` was answered where the final label was `consensus`.
    #[serde(default)]
    counts: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    consensus: Label,
    given: Label,
    n: u64,
}

fn is_none_forgiven(forgiven: &(u64, u64)) -> bool {
    *forgiven == (0, 0)
}

impl TrackRecord {
    /// The most pairs of labels that are counted.
    pub const MAX_CELLS: usize = 64;
    /// The longest label that is counted, in bytes.
    pub const MAX_LABEL_BYTES: usize = 64;

    /// Counts one answer `given` to a task whose final label is `consensus`; it agrees when it is
    /// that label.
    pub fn observe(&mut self, consensus: &Label, given: &Label) {
        self.observe_by(&Exact, consensus, given);
    }

    /// Counts one answer `given` to a task whose final label is `consensus`; it agrees when it says
    /// the same by `comparator`.
    pub fn observe_by(&mut self, comparator: &dyn Comparator, consensus: &Label, given: &Label) {
        if agrees(comparator, consensus, given) {
            self.agreements += 1;
            self.streak = self.streak.max(0) + 1;
        } else {
            self.disagreements += 1;
            self.streak = self.streak.min(0) - 1;
        }
        let counted = |label: &Label| label.as_str().len() <= Self::MAX_LABEL_BYTES;
        let cell = self
            .counts
            .iter_mut()
            .find(|c| c.consensus == *consensus && c.given == *given);
        if let Some(cell) = cell {
            cell.n += 1;
        } else if counted(consensus) && counted(given) && self.counts.len() < Self::MAX_CELLS {
            self.counts.push(Cell {
                consensus: consensus.clone(),
                given: given.clone(),
                n: 1,
            });
        }
    }

    /// How many answers were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.agreements + self.disagreements
    }

    /// The agreements and disagreements that a standing is judged by: those since the worker was
    /// last reinstated.
    #[must_use]
    pub const fn judged(&self) -> (u64, u64) {
        let (agreements, disagreements) = self.forgiven;
        (
            self.agreements.saturating_sub(agreements),
            self.disagreements.saturating_sub(disagreements),
        )
    }

    /// Lets standings be judged only by what comes from now on.
    pub const fn forgive(&mut self) {
        self.forgiven = (self.agreements, self.disagreements);
        self.streak = 0;
    }

    /// How often `given` was answered where the final label was `consensus`.
    #[must_use]
    pub fn count(&self, consensus: &Label, given: &Label) -> u64 {
        let same = |cell: &&Cell| cell.consensus == *consensus && cell.given == *given;
        self.counts.iter().find(same).map_or(0, |cell| cell.n)
    }

    /// Every pair of labels with its count, ordered by final label and answer.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(&Label, &Label), u64> {
        self.counts
            .iter()
            .map(|cell| ((&cell.consensus, &cell.given), cell.n))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    #[test]
    fn answers_are_counted() {
        let mut record = TrackRecord::default();
        record.observe(&label("a"), &label("a"));
        record.observe(&label("a"), &label("a"));
        assert_eq!(record.streak, 2);
        record.observe(&label("a"), &label("b"));
        assert_eq!(
            (record.agreements, record.disagreements, record.streak),
            (2, 1, -1)
        );
        assert_eq!(record.count(&label("a"), &label("a")), 2);
        assert_eq!(record.count(&label("a"), &label("b")), 1);
        assert_eq!(record.count(&label("b"), &label("a")), 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut record = TrackRecord::default();
        for i in 0..1_000 {
            record.observe(&label("a"), &label(&format!("b{i}")));
        }
        record.observe(&label("a"), &label(&"x".repeat(65)));
        assert_eq!(record.counts().len(), TrackRecord::MAX_CELLS);
        assert_eq!(record.total(), 1_001);
    }

    #[test]
    fn json_round_trips() {
        let mut record = TrackRecord::default();
        record.observe(&label("a"), &label("b"));
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<TrackRecord>(&json).unwrap(), record);
    }
}
