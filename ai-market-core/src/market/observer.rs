use std::fmt::Debug;

use crate::assignment::Assignment;
use crate::id::TaskType;
use crate::time::Timestamp;

use super::{Effects, InsertOutcome, SubmitOutcome};

/// Learns of every step once it is durable, in the order of commits, also when its caller has left.
///
/// It must not block, and must not call the market.
pub(crate) trait Observer: Debug + Send + Sync + 'static {
    /// A step was committed, at this time of the store.
    fn committed(&self, report: &Report<'_>, effects: &Effects, at: Timestamp);
}

/// What a step was asked for, as far as somebody counts it.
#[derive(Debug)]
pub(crate) enum Report<'a> {
    /// Tasks were put in, each of this type, with these outcomes.
    Inserted(Vec<(&'a TaskType, InsertOutcome)>),
    /// A worker registered.
    Registered,
    /// A worker was given tasks, perhaps none.
    Claimed(&'a [Assignment]),
    /// A worker sent a heartbeat.
    Renewed,
    /// Votes were taken, or not.
    Submitted(&'a [SubmitOutcome]),
    /// So many tasks that had been closed long ago were deleted.
    Pruned(u64),
    /// Everything was deleted.
    Cleared,
    /// Something that nobody counts but by its effects.
    Other,
}

/// Nobody who learns of anything.
#[derive(Debug)]
pub(super) struct NoObserver;

impl Observer for NoObserver {
    fn committed(&self, _report: &Report<'_>, _effects: &Effects, _at: Timestamp) {}
}
