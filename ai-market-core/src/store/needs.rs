use std::collections::BTreeSet;
use std::time::Duration;

use crate::id::{IdempotencyKey, TaskId, WorkerId};

use super::{ClaimableQuery, ClosedQuery};

/// The rows that a step will look at.
///
/// A store on another machine fetches and locks them in a constant number of round trips for a
/// whole group of steps, with ids sorted so that no two transactions wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Needs {
    /// Tasks. Each brings its votes, leases and losses, the prior of its type, and the profiles,
    /// standings and track records (for that type) of its voters and lease holders.
    pub tasks: BTreeSet<TaskId>,
    /// Names of tasks. Each brings the task that has it, as if that were in `tasks`.
    pub names: BTreeSet<IdempotencyKey>,
    /// Workers. Each brings its profile, standings, absence and number of leases, and its track
    /// records for the types of all `tasks`.
    pub workers: BTreeSet<WorkerId>,
    /// Workers with the tasks on which they hold leases, as if those were in `tasks`, and all their
    /// track records.
    pub holders: BTreeSet<WorkerId>,
    /// Look-ups of claimable tasks. Each brings the tasks that it finds; rows that others have
    /// locked are reported as skipped.
    pub claims: Vec<ClaimableQuery>,
    /// Tasks that a claim looks at by their places. Each is as if it were in `tasks`, except that rows
    /// that others have locked are reported as skipped.
    pub candidates: BTreeSet<TaskId>,
    /// What has run out. It brings the tasks and workers that it finds, what those hold, and when the
    /// market was looked after; rows that others have locked are passed over.
    pub overdue: Option<Overdue>,
    /// A look-up of closed tasks. It brings the tasks that it finds; rows that others have locked are
    /// passed over.
    pub closed: Option<ClosedQuery>,
    /// Every row there is: nobody else may change any meanwhile.
    pub everything: bool,
}

impl Needs {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These tasks.
    #[must_use]
    pub fn with_tasks(mut self, tasks: impl IntoIterator<Item = TaskId>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// The tasks with these names.
    #[must_use]
    pub fn with_names(mut self, names: impl IntoIterator<Item = IdempotencyKey>) -> Self {
        self.names.extend(names);
        self
    }

    /// These workers.
    #[must_use]
    pub fn with_workers(mut self, workers: impl IntoIterator<Item = WorkerId>) -> Self {
        self.workers.extend(workers);
        self
    }

    /// A worker with the tasks on which it holds leases.
    #[must_use]
    pub fn with_holder(mut self, worker: WorkerId) -> Self {
        self.holders.insert(worker.clone());
        self.workers.insert(worker);
        self
    }

    /// A look-up of claimable tasks.
    #[must_use]
    pub fn with_claim(mut self, query: ClaimableQuery) -> Self {
        self.claims.push(query);
        self
    }

    /// Tasks that a claim looks at by their places.
    #[must_use]
    pub fn with_candidates(mut self, tasks: impl IntoIterator<Item = TaskId>) -> Self {
        self.candidates.extend(tasks);
        self
    }

    /// What has run out.
    #[must_use]
    pub const fn with_overdue(mut self, overdue: Overdue) -> Self {
        self.overdue = Some(overdue);
        self
    }

    /// A look-up of closed tasks.
    #[must_use]
    pub const fn with_closed(mut self, query: ClosedQuery) -> Self {
        self.closed = Some(query);
        self
    }

    /// Every row there is.
    #[must_use]
    pub const fn with_everything(mut self) -> Self {
        self.everything = true;
        self
    }

    /// Adds what another step needs.
    pub fn merge(&mut self, other: Self) {
        self.tasks.extend(other.tasks);
        self.names.extend(other.names);
        self.workers.extend(other.workers);
        self.holders.extend(other.holders);
        self.candidates.extend(other.candidates);
        for claim in other.claims {
            if !self.claims.contains(&claim) {
                self.claims.push(claim);
            }
        }
        self.overdue = match (self.overdue, other.overdue) {
            (Some(one), Some(other)) => Some(one.or_more(other)),
            (one, other) => one.or(other),
        };
        // Two look-ups of closed tasks are rare: the second comes in a later group.
        self.closed = self.closed.or(other.closed);
        self.everything |= other.everything;
    }
}

/// A look-up of what has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overdue {
    /// How many leases, how many deadlines and how many workers of each kind at most.
    pub limit: usize,
    /// Workers that are present and were silent for longer; none where it is absent.
    pub stale_after: Option<Duration>,
    /// Workers that are not gone and were silent for longer; none where it is absent.
    pub gone_after: Option<Duration>,
    /// Workers that can be deleted and were silent for longer; none where it is absent.
    pub unused_after: Option<Duration>,
}

impl Overdue {
    /// At most `limit` leases and deadlines, and no workers.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            stale_after: None,
            gone_after: None,
            unused_after: None,
        }
    }

    /// A look-up that finds what either of two finds.
    fn or_more(self, other: Self) -> Self {
        // The shorter silence finds more workers, and those of the longer one first.
        let shorter = |one: Option<Duration>, other: Option<Duration>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            limit: self.limit.max(other.limit),
            stale_after: shorter(self.stale_after, other.stale_after),
            gone_after: shorter(self.gone_after, other.gone_after),
            unused_after: shorter(self.unused_after, other.unused_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_overdue_look_ups_find_what_either_finds() {
        let seconds = Duration::from_secs;
        let mut one = Overdue::new(10);
        one.stale_after = Some(seconds(30));
        let mut other = Overdue::new(100);
        other.stale_after = Some(seconds(20));
        other.gone_after = Some(seconds(60));
        other.unused_after = Some(seconds(99));
        let mut needs = Needs::new().with_overdue(one);
        needs.merge(Needs::new().with_overdue(other));
        let merged = needs.overdue.unwrap();
        assert_eq!(merged.limit, 100);
        assert_eq!(merged.stale_after, Some(seconds(20)));
        assert_eq!(merged.gone_after, Some(seconds(60)));
        assert_eq!(merged.unused_after, Some(seconds(99)));
    }
}
