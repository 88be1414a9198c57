use std::time::Duration;

use crate::time::Timestamp;

/// What a coordinator did lately, slot by slot.
///
/// It is of the coordinator that is asked and of what it has done since it was started: of several on
/// one store each tells its own part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// From when on everything is known: since the coordinator was started or reset, or since the
    /// beginning of the first slot.
    pub since: Timestamp,
    /// When the first slot begins, a whole number of slots after 1970.
    pub from: Timestamp,
    /// How long a slot is.
    pub slot: Duration,
    /// One after the other, up to the one of now, which goes on.
    pub slots: Vec<ActivitySlot>,
}

impl Activity {
    /// Slots of such a length that begin at `from`, of which everything after `since` is known.
    #[must_use]
    pub fn new(
        since: Timestamp,
        from: Timestamp,
        slot: Duration,
        slots: Vec<ActivitySlot>,
    ) -> Self {
        Self {
            since,
            from,
            slot,
            slots,
        }
    }
}

/// What a coordinator did in a few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ActivitySlot {
    /// How many tasks were created.
    pub created: u64,
    /// How many tasks were finalized.
    pub finalized: u64,
    /// How many tasks failed.
    pub failed: u64,
    /// How long the tasks that were finalized had taken from their creation: half of them no longer
    /// than this. `None` when there are none. Of many it is that of an even sample.
    pub p50: Option<Duration>,
    /// The same, for 95 of 100.
    pub p95: Option<Duration>,
}
