use crate::id::WorkerId;
use crate::time::Timestamp;

/// Who holds a task, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The holder.
    pub worker: WorkerId,
    /// When it claimed the task.
    pub claimed_at: Timestamp,
    /// Until when it holds it, unless the lease is renewed.
    pub until: Timestamp,
}

impl Lease {
    /// The lease of `worker` from `claimed_at` until `until`.
    #[must_use]
    pub fn new(worker: WorkerId, claimed_at: Timestamp, until: Timestamp) -> Self {
        Self {
            worker,
            claimed_at,
            until,
        }
    }
}
