use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::id::TaskType;
use crate::task::TaskStatus;
use crate::time::Timestamp;

use super::{Counter, Presence, ServingCounts};

/// What to count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsQuery {
    /// A worker that was not seen since then is stale.
    pub stale_before: Timestamp,
    /// Of how many task types the tasks are told apart: those that have the most; 100.
    pub task_types: usize,
}

impl StatsQuery {
    /// How many task types are told apart where nothing else is said.
    pub const DEFAULT_TASK_TYPES: usize = 100;

    /// Counts everything; workers not seen since `stale_before` are stale.
    #[must_use]
    pub const fn new(stale_before: Timestamp) -> Self {
        Self {
            stale_before,
            task_types: Self::DEFAULT_TASK_TYPES,
        }
    }

    /// Tells the tasks of so many types apart.
    #[must_use]
    pub const fn with_task_types(mut self, task_types: usize) -> Self {
        self.task_types = task_types;
        self
    }

    /// What counters and workers say; how many workers are away is not among that.
    ///
    /// It is for stores that read all counters; one that keeps the sums reads those.
    #[must_use]
    pub fn count(
        &self,
        counters: impl IntoIterator<Item = (Counter, u64)>,
        serving: &ServingCounts,
    ) -> StoreStats {
        let mut stats = StoreStats::default();
        let mut claimable = Vec::new();
        let mut capable = HashMap::new();
        let mut totals: BTreeMap<TaskType, u64> = BTreeMap::new();
        let mut open = BTreeSet::new();
        for (counter, n) in counters.into_iter().filter(|(_, n)| *n > 0) {
            match counter {
                Counter::Tasks(task_type, status) => {
                    *stats.tasks_by_status.entry(status).or_default() += n;
                    *totals.entry(task_type.clone()).or_default() += n;
                    if status.is_open() {
                        open.insert(task_type.clone());
                    }
                    stats.tasks.insert((task_type, status), n);
                }
                Counter::Claimable(task_type, wanted) => claimable.push((task_type, wanted, n)),
                Counter::Capable(task_type) => {
                    capable.insert(task_type, n);
                }
                Counter::Submissions => stats.submissions = n,
                Counter::Workers => stats.workers = n,
            }
        }
        if totals.len() > self.task_types {
            let mut largest: Vec<_> = totals.into_iter().collect();
            largest.sort_by_key(|(_, n)| Reverse(*n));
            let largest = largest.into_iter().take(self.task_types);
            let shown: BTreeSet<_> = largest.map(|(task_type, _)| task_type).collect();
            stats
                .tasks
                .retain(|(task_type, _), _| shown.contains(task_type));
        }
        let short = claimable.iter().filter(|(task_type, wanted, _)| {
            capable.get(task_type).copied().unwrap_or(0) < u64::from(*wanted)
        });
        stats.tasks_short_of_workers = short.map(|(.., n)| n).sum();
        open.retain(|task_type| serving.workers(task_type) == 0);
        stats.task_types_unserved = open.len() as u64;
        stats
    }
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreStats {
    /// Tasks by status; a status that is absent has none.
    pub tasks_by_status: BTreeMap<TaskStatus, u64>,
    /// Tasks of the types that have the most, by type and status; a pair that is absent has none, or
    /// is of a type that has fewer.
    pub tasks: BTreeMap<(TaskType, TaskStatus), u64>,
    /// Votes that were accepted in time, on the tasks that are kept.
    pub submissions: u64,
    /// Registered workers.
    pub workers: u64,
    /// Registered workers that are stale.
    pub workers_stale: u64,
    /// Registered workers that were declared gone; they are stale as well.
    pub workers_gone: u64,
    /// Open tasks that want more votes than there are registered workers for their type.
    pub tasks_short_of_workers: u64,
    /// Task types with open tasks that no worker that is here serves.
    pub task_types_unserved: u64,
}

impl StoreStats {
    /// How many tasks are in `status`.
    #[must_use]
    pub fn tasks_in(&self, status: TaskStatus) -> u64 {
        self.tasks_by_status.get(&status).copied().unwrap_or(0)
    }

    /// How many workers are there, or not.
    #[must_use]
    pub fn workers_in(&self, presence: Presence) -> u64 {
        match presence {
            Presence::Active => self.workers.saturating_sub(self.workers_stale),
            Presence::Stale => self.workers_stale.saturating_sub(self.workers_gone),
            Presence::Gone => self.workers_gone,
        }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks_total(&self) -> u64 {
        self.tasks_by_status.values().sum()
    }
}
