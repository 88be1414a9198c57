use crate::id::Label;

use super::compare::{Comparator, agrees};
use super::{FractionalCount, TrackRecord};

/// What is added to a [`TrackRecord`].
///
/// Policies return changes and no records, so that two decisions of one worker's answers can be
/// added in any order and none undoes the other. A policy that weighs an answer by how sure it is
/// adds a part of one.
///
/// The order matters in three places, where it is the order in which the changes are committed:
/// the streaks (of answers, and of losses), forgiveness (which covers what was counted before it), and which pairs of labels are
/// kept once there are more than [`TrackRecord::MAX_CELLS`]. All else commutes.
///
/// # Examples
///
/// ```
/// use ai_market_core::consensus::{FractionalCount, RecordChange, TrackRecord};
///
/// // The answer was right with a probability of three quarters.
/// let mut change = RecordChange::new();
/// change.agreements = FractionalCount::from_fraction(0.75);
/// change.disagreements = FractionalCount::from_fraction(0.25);
///
/// let mut record = TrackRecord::default();
/// record.apply(&change);
/// record.apply(&change);
/// assert_eq!(record.agreements.to_string(), "1.5");
/// assert_eq!(record.total(), FractionalCount::from_whole(2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RecordChange {
    /// How many answers more were the final label.
    pub agreements: FractionalCount,
    /// How many answers more were another label.
    pub disagreements: FractionalCount,
    /// How many agreements came in a row; below zero, how many disagreements. Zero leaves the
    /// streak as it is.
    pub streak: i64,
    /// How many times more the worker lost leases on tasks, rather than answer them.
    pub losses: FractionalCount,
    /// How many times more the second label was answered where the first was the final label.
    pub cells: Vec<(Label, Label, FractionalCount)>,
    /// Whether standings are judged only by what comes after this change.
    pub forgive: bool,
}

impl RecordChange {
    /// Changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one answer `given` to a task whose final label is `consensus`. It agrees when it says
    /// the same by `comparator`.
    #[must_use]
    pub fn observe(comparator: &dyn Comparator, consensus: &Label, given: &Label) -> Self {
        let mut change = Self::new();
        if agrees(comparator, consensus, given) {
            change.agreements = FractionalCount::ONE;
            change.streak = 1;
        } else {
            change.disagreements = FractionalCount::ONE;
            change.streak = -1;
        }
        if TrackRecord::counts_label(consensus) && TrackRecord::counts_label(given) {
            let cell = (consensus.clone(), given.clone(), FractionalCount::ONE);
            change.cells.push(cell);
        }
        change
    }

    /// Adds one loss.
    #[must_use]
    pub fn loss() -> Self {
        Self {
            losses: FractionalCount::ONE,
            ..Self::new()
        }
    }

    /// Lets standings be judged only by what comes from now on.
    #[must_use]
    pub fn forgiveness() -> Self {
        Self {
            forgive: true,
            ..Self::new()
        }
    }
}
