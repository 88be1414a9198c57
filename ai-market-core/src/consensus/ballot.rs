use crate::id::Label;
use crate::submission::Submission;
use crate::task::Task;
use crate::time::Timestamp;

use super::TrackRecord;
use super::compare::{Comparator, Exact, agrees};

/// All that a policy may look at when it decides a task.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ballot<'a> {
    /// The task, with its counts as they stand with these votes.
    pub task: &'a Task,
    /// The votes in the order in which they came, one per worker.
    pub votes: &'a [Submission],
    /// What is known of each voter for this task type: `records[i]` is of the worker of `votes[i]`.
    pub records: &'a [TrackRecord],
    /// What is known of the task type: the sum over all its workers.
    pub prior: &'a TrackRecord,
    /// The time now.
    pub now: Timestamp,
    /// Says when two answers say the same.
    pub comparator: &'a dyn Comparator,
}

impl<'a> Ballot<'a> {
    /// The votes of `task`, with a record per vote; answers say the same when they are equal.
    #[must_use]
    pub fn new(
        task: &'a Task,
        votes: &'a [Submission],
        records: &'a [TrackRecord],
        prior: &'a TrackRecord,
        now: Timestamp,
    ) -> Self {
        debug_assert_eq!(votes.len(), records.len(), "one record per vote");
        Self {
            task,
            votes,
            records,
            prior,
            now,
            comparator: &Exact,
        }
    }

    /// Lets `comparator` say when two answers say the same.
    #[must_use]
    pub fn with_comparator(mut self, comparator: &'a dyn Comparator) -> Self {
        self.comparator = comparator;
        self
    }

    /// Whether two answers say the same; policies ask this rather than whether labels are equal.
    #[must_use]
    pub fn same(&self, one: &Label, other: &Label) -> bool {
        agrees(self.comparator, one, other)
    }
}
