use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Label;

use super::compare::{Comparator, Exact};
use super::{FractionalCount, RecordChange};

/// What a policy has learned of a worker for one task type, or of a task type as a whole.
///
/// It is the sum of the [`RecordChange`]s that were applied to it. Counts may hold parts of one,
/// since a policy may weigh answers.
///
/// It is bounded in size: at most [`MAX_CELLS`](Self::MAX_CELLS) pairs of labels are counted, and
/// only labels of at most [`MAX_LABEL_BYTES`](Self::MAX_LABEL_BYTES) bytes; other answers count in
/// the totals alone. A new pair replaces the pair with the smallest count once there are as many as
/// may be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackRecord {
    /// The re-estimation that the record comes from, which replaced the whole record; 0 when it was
    /// only ever counted up.
    #[serde(default)]
    pub epoch: u64,
    /// How many answers were the final label.
    pub agreements: FractionalCount,
    /// How many answers were another label.
    pub disagreements: FractionalCount,
    /// Agreements in a row up to now; below zero, disagreements in a row.
    pub streak: i64,
    /// How often the worker lost leases on tasks, rather than answer them. Leases that are lost at the
    /// same time, as when a machine is switched off, are one loss.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub losses: FractionalCount,
    /// How often it did so since its last counted answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub losses_in_a_row: FractionalCount,
    /// The losses that no standing is judged by.
    #[serde(default, skip_serializing_if = "is_zero")]
    forgiven_losses: FractionalCount,
    /// The agreements and disagreements that no standing is judged by, since the worker was
    /// reinstated after them.
    #[serde(default, skip_serializing_if = "is_none_forgiven")]
    forgiven: (FractionalCount, FractionalCount),
    /// How often `given` was answered where the final label was `consensus`, in the order in which
    /// the pairs were added.
    #[serde(default)]
    counts: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    consensus: Label,
    given: Label,
    n: FractionalCount,
}

impl Cell {
    fn is_of(&self, consensus: &Label, given: &Label) -> bool {
        self.consensus == *consensus && self.given == *given
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
const fn is_zero(count: &FractionalCount) -> bool {
    count.is_zero()
}

fn is_none_forgiven((agreements, disagreements): &(FractionalCount, FractionalCount)) -> bool {
    agreements.is_zero() && disagreements.is_zero()
}

impl TrackRecord {
    /// The most pairs of labels that are counted.
    pub const MAX_CELLS: usize = 64;
    /// The longest label that is counted, in bytes.
    pub const MAX_LABEL_BYTES: usize = 64;

    /// Adds a change: its counts, then its streak, then its forgiveness.
    ///
    /// Counts saturate. A streak of agreements continues one of agreements and ends one of
    /// disagreements, and the other way round; it follows the order in which changes are committed.
    pub fn apply(&mut self, change: &RecordChange) {
        self.agreements = self.agreements.saturating_add(change.agreements);
        self.disagreements = self.disagreements.saturating_add(change.disagreements);
        self.losses = self.losses.saturating_add(change.losses);
        if !change
            .agreements
            .saturating_add(change.disagreements)
            .is_zero()
        {
            self.losses_in_a_row = FractionalCount::ZERO;
        }
        self.losses_in_a_row = self.losses_in_a_row.saturating_add(change.losses);
        for (consensus, given, n) in &change.cells {
            self.count_cell(consensus, given, *n);
        }
        if change.streak > 0 {
            self.streak = self.streak.max(0).saturating_add(change.streak);
        } else if change.streak < 0 {
            self.streak = self.streak.min(0).saturating_add(change.streak);
        }
        if change.forgive {
            self.forgive();
        }
    }

    fn count_cell(&mut self, consensus: &Label, given: &Label, n: FractionalCount) {
        if n.is_zero() || !Self::counts_label(consensus) || !Self::counts_label(given) {
            return;
        }
        let mut cells = self.counts.iter_mut();
        if let Some(cell) = cells.find(|cell| cell.is_of(consensus, given)) {
            cell.n = cell.n.saturating_add(n);
            return;
        }
        if self.counts.len() >= Self::MAX_CELLS {
            // Of equals, `min_by_key` takes the first, which was added first.
            let rarest = self
                .counts
                .iter()
                .enumerate()
                .min_by_key(|(_, cell)| cell.n);
            if let Some((place, _)) = rarest {
                self.counts.remove(place);
            }
        }
        self.counts.push(Cell {
            consensus: consensus.clone(),
            given: given.clone(),
            n,
        });
    }

    /// Whether a label is short enough to be counted.
    pub(super) fn counts_label(label: &Label) -> bool {
        label.as_str().len() <= Self::MAX_LABEL_BYTES
    }

    /// Counts one answer `given` to a task whose final label is `consensus`; it agrees when it is
    /// that label.
    pub fn observe(&mut self, consensus: &Label, given: &Label) {
        self.observe_by(&Exact, consensus, given);
    }

    /// Counts one answer `given` to a task whose final label is `consensus`; it agrees when it says
    /// the same by `comparator`.
    pub fn observe_by(&mut self, comparator: &dyn Comparator, consensus: &Label, given: &Label) {
        self.apply(&RecordChange::observe(comparator, consensus, given));
    }

    /// How many answers were counted.
    #[must_use]
    pub const fn total(&self) -> FractionalCount {
        self.agreements.saturating_add(self.disagreements)
    }

    /// The agreements and disagreements that a standing is judged by: those since the worker was
    /// last reinstated.
    #[must_use]
    pub const fn judged(&self) -> (FractionalCount, FractionalCount) {
        let (agreements, disagreements) = self.forgiven;
        (
            self.agreements.saturating_sub(agreements),
            self.disagreements.saturating_sub(disagreements),
        )
    }

    /// The losses that a standing is judged by: those since the worker was last reinstated.
    #[must_use]
    pub const fn judged_losses(&self) -> FractionalCount {
        self.losses.saturating_sub(self.forgiven_losses)
    }

    /// Lets standings be judged only by what comes from now on.
    pub const fn forgive(&mut self) {
        self.forgiven = (self.agreements, self.disagreements);
        self.forgiven_losses = self.losses;
        self.losses_in_a_row = FractionalCount::ZERO;
        self.streak = 0;
    }

    /// How often `given` was answered where the final label was `consensus`.
    #[must_use]
    pub fn count(&self, consensus: &Label, given: &Label) -> FractionalCount {
        let cell = self.counts.iter().find(|cell| cell.is_of(consensus, given));
        cell.map_or(FractionalCount::ZERO, |cell| cell.n)
    }

    /// Every pair of labels with its count, ordered by final label and answer.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(&Label, &Label), FractionalCount> {
        self.counts
            .iter()
            .map(|cell| ((&cell.consensus, &cell.given), cell.n))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    fn whole(n: u64) -> FractionalCount {
        FractionalCount::from_whole(n)
    }

    fn part(number: f64) -> FractionalCount {
        FractionalCount::from_fraction(number)
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
            (whole(2), whole(1), -1)
        );
        assert_eq!(record.count(&label("a"), &label("a")), whole(2));
        assert_eq!(record.count(&label("a"), &label("b")), whole(1));
        assert_eq!(record.count(&label("b"), &label("a")), whole(0));
    }

    #[test]
    fn its_size_is_bounded() {
        let mut record = TrackRecord::default();
        for i in 0..1_000 {
            record.observe(&label("a"), &label(&format!("b{i}")));
        }
        record.observe(&label("a"), &label(&"x".repeat(65)));
        assert_eq!(record.counts().len(), TrackRecord::MAX_CELLS);
        assert_eq!(record.total(), whole(1_001));
    }

    #[test]
    fn a_new_pair_replaces_the_rarest_one() {
        let mut record = TrackRecord::default();
        let a = label("a");
        let given = |i: usize| label(&format!("b{i}"));
        for i in 0..TrackRecord::MAX_CELLS {
            record.observe(&a, &given(i));
        }
        record.observe(&a, &given(0));
        record.observe(&a, &label("new"));
        assert_eq!(record.count(&a, &given(0)), whole(2));
        assert_eq!(record.count(&a, &given(1)), whole(0), "it was added first");
        assert_eq!(record.count(&a, &given(2)), whole(1));
        let mut change = RecordChange::new();
        change.cells = vec![(a.clone(), label("newer"), part(0.5))];
        record.apply(&change);
        assert_eq!(record.count(&a, &given(2)), whole(0));
        record.observe(&a, &label("newest"));
        assert_eq!(record.count(&a, &label("newer")), whole(0));
        assert_eq!(record.count(&a, &label("new")), whole(1));
        // What counts nothing, or is not counted, replaces nothing.
        change.cells = vec![
            (a.clone(), label("none"), FractionalCount::ZERO),
            (a.clone(), label(&"x".repeat(65)), whole(9)),
        ];
        let before = record.clone();
        record.apply(&change);
        assert_eq!(record, before);
    }

    #[test]
    fn streaks_add_up_or_turn() {
        let mut record = TrackRecord::default();
        let mut add = |streak| {
            let mut change = RecordChange::new();
            change.streak = streak;
            record.apply(&change);
            record.streak
        };
        let streaks = [3, 0, 2, -1, -4, i64::MIN, 1, i64::MAX].map(&mut add);
        assert_eq!(streaks, [3, 3, 5, -1, -5, i64::MIN, 1, i64::MAX]);
    }

    #[test]
    fn forgiveness_covers_what_came_before() {
        let mut record = TrackRecord::default();
        let mut change = RecordChange::new();
        (change.disagreements, change.streak) = (part(0.5), -3);
        record.apply(&change);
        record.apply(&RecordChange::forgiveness());
        assert_eq!((record.judged(), record.streak), ((whole(0), whole(0)), 0));
        record.apply(&change);
        assert_eq!(
            (record.judged(), record.streak),
            ((whole(0), part(0.5)), -3)
        );
        change.forgive = true;
        record.apply(&change);
        assert_eq!((record.judged(), record.streak), ((whole(0), whole(0)), 0));
        assert_eq!(record.total(), part(1.5));
    }

    #[test]
    fn json_round_trips() {
        let mut record = TrackRecord::default();
        record.observe(&label("a"), &label("b"));
        let mut change = RecordChange::new();
        change.agreements = part(0.3);
        record.apply(&change);
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<TrackRecord>(&json).unwrap(), record);
    }

    /// A record that was written when all counts were whole.
    #[test]
    fn old_records_read_unchanged() {
        let json = r#"{"epoch":0,"agreements":2,"disagreements":1,"streak":-1,"forgiven":[1,0],"counts":[{"consensus":"a","given":"a","n":2},{"consensus":"a","given":"b","n":1}]}"#;
        let record: TrackRecord = serde_json::from_str(json).unwrap();
        assert_eq!(record.judged(), (whole(1), whole(1)));
        assert_eq!((record.total(), record.streak), (whole(3), -1));
        assert_eq!(record.count(&label("a"), &label("a")), whole(2));
        assert_eq!(serde_json::to_string(&record).unwrap(), json);
        let short = r#"{"agreements":1,"disagreements":0,"streak":1}"#;
        let record: TrackRecord = serde_json::from_str(short).unwrap();
        assert_eq!(record.agreements, whole(1));
    }

    fn changes() -> impl Strategy<Value = Vec<RecordChange>> {
        let change = (any::<u64>(), any::<u64>(), any::<i64>(), 0..4_u8).prop_map(
            |(agreements, disagreements, streak, given)| {
                let mut change = RecordChange::new();
                change.agreements = FractionalCount::from_millionths(agreements / 8);
                change.disagreements = FractionalCount::from_millionths(disagreements / 8);
                change.streak = streak;
                let cell = (label("a"), label(&format!("b{given}")), change.agreements);
                change.cells.push(cell);
                change
            },
        );
        prop::collection::vec(change, 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn counts_do_not_depend_on_the_order(changes in changes()) {
            let (mut one, mut other) = (TrackRecord::default(), TrackRecord::default());
            changes.iter().for_each(|change| one.apply(change));
            changes.iter().rev().for_each(|change| other.apply(change));
            prop_assert_eq!(one.agreements, other.agreements);
            prop_assert_eq!(one.disagreements, other.disagreements);
            prop_assert_eq!(one.counts(), other.counts());
        }
    }
}
