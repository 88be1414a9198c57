use std::cmp::Reverse;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{TaskType, WorkerId};
use crate::submission::ModelIdentity;

/// How somebody or something did: sums over votes and leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tally {
    /// What the policy paid.
    pub points: i64,
    /// Votes that were accepted in time.
    pub submissions: u64,
    /// Answers that came after the decision and were kept.
    pub late: u64,
    /// Answers, in time or late, that agree with the final label of their task.
    pub agreements: u64,
    /// Answers, in time or late, that do not.
    pub disagreements: u64,
    /// Leases that were lost.
    pub lost: u64,
    /// Answers whose latency is known.
    pub timed: u64,
    /// The time from claim to answer, summed over those.
    pub latency: Duration,
}

impl Tally {
    /// Adds another tally; sums saturate.
    pub fn add(&mut self, other: &Self) {
        self.points = self.points.saturating_add(other.points);
        self.submissions = self.submissions.saturating_add(other.submissions);
        self.late = self.late.saturating_add(other.late);
        self.agreements = self.agreements.saturating_add(other.agreements);
        self.disagreements = self.disagreements.saturating_add(other.disagreements);
        self.lost = self.lost.saturating_add(other.lost);
        self.timed = self.timed.saturating_add(other.timed);
        self.latency = self.latency.saturating_add(other.latency);
    }

    /// Counts an answer that was accepted, `latency` after its claim.
    pub fn count_answer(&mut self, late: bool, latency: Duration) {
        if late {
            self.late += 1;
        } else {
            self.submissions += 1;
        }
        self.timed += 1;
        self.latency = self.latency.saturating_add(latency);
    }

    /// Counts whether an answer agrees with the final label.
    pub const fn count_agreement(&mut self, agrees: bool) {
        if agrees {
            self.agreements += 1;
        } else {
            self.disagreements += 1;
        }
    }

    /// The share of the answers to finalized tasks that agree with the final label, in 0..=1; `None`
    /// where there are none.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        let total = self.agreements + self.disagreements;
        (total > 0).then(|| self.agreements as f64 / total as f64)
    }

    /// The mean time from claim to answer; `None` where none is known.
    #[must_use]
    pub fn mean_latency(&self) -> Option<Duration> {
        let timed = u32::try_from(self.timed).ok().filter(|n| *n > 0)?;
        Some(self.latency / timed)
    }
}

/// What a tally is of; what is `None` was summed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub struct TallyGroup {
    /// The worker.
    pub worker: Option<WorkerId>,
    /// The model; `Some(None)` is that of the answers that do not say theirs.
    pub model: Option<Option<ModelIdentity>>,
    /// The task type.
    pub task_type: Option<TaskType>,
}

impl TallyGroup {
    /// Everything together.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of one worker.
    #[must_use]
    pub fn with_worker(mut self, worker: WorkerId) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Of one model; `None` is that of the answers that do not say theirs.
    #[must_use]
    pub fn with_model(mut self, model: Option<ModelIdentity>) -> Self {
        self.model = Some(model);
        self
    }

    /// Of one task type.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }
}

/// One group with its tally.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TallyRow {
    /// What it is of.
    pub group: TallyGroup,
    /// How that did.
    pub tally: Tally,
}

impl TallyRow {
    /// A group with its tally.
    #[must_use]
    pub const fn new(group: TallyGroup, tally: Tally) -> Self {
        Self { group, tally }
    }
}

/// By what tallies are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TallyBy {
    /// By worker.
    pub worker: bool,
    /// By model.
    pub model: bool,
    /// By task type.
    pub task_type: bool,
}

impl TallyBy {
    /// By worker alone.
    pub const WORKER: Self = Self::new(true, false, false);
    /// By model alone.
    pub const MODEL: Self = Self::new(false, true, false);
    /// By task type alone.
    pub const TASK_TYPE: Self = Self::new(false, false, true);
    /// By model and task type.
    pub const MODEL_AND_TASK_TYPE: Self = Self::new(false, true, true);

    const fn new(worker: bool, model: bool, task_type: bool) -> Self {
        Self {
            worker,
            model,
            task_type,
        }
    }

    /// The group that an answer of `worker` with `model` to a task of `task_type` belongs to.
    #[must_use]
    pub fn group(
        self,
        worker: &WorkerId,
        model: Option<&ModelIdentity>,
        task_type: &TaskType,
    ) -> TallyGroup {
        TallyGroup {
            worker: self.worker.then(|| worker.clone()),
            model: self.model.then(|| model.cloned()),
            task_type: self.task_type.then(|| task_type.clone()),
        }
    }
}

/// A page of tallies: most points first, then by worker, model and task type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TallyQuery {
    /// By what they are told apart.
    pub by: TallyBy,
    /// Only answers of this worker.
    pub worker: Option<WorkerId>,
    /// Only answers to tasks of this type.
    pub task_type: Option<TaskType>,
    /// Only what comes after this: where the page before ended.
    pub after: Option<(i64, TallyGroup)>,
    /// At most so many.
    pub limit: usize,
}

impl TallyQuery {
    /// The first `limit` tallies.
    #[must_use]
    pub const fn new(by: TallyBy, limit: usize) -> Self {
        Self {
            by,
            worker: None,
            task_type: None,
            after: None,
            limit,
        }
    }

    /// Only answers of `worker`.
    #[must_use]
    pub fn with_worker(mut self, worker: WorkerId) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Only answers to tasks of `task_type`.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }

    /// Only what comes after `group` with its `points`.
    #[must_use]
    pub fn after(mut self, points: i64, group: TallyGroup) -> Self {
        self.after = Some((points, group));
        self
    }

    /// The page of all groups that the query asks for.
    ///
    /// Groups are as many as workers, models and task types in use; a store sums them up and leaves
    /// their order to this.
    #[must_use]
    pub fn page(&self, mut rows: Vec<TallyRow>) -> Vec<TallyRow> {
        let place = |row: &TallyRow| (Reverse(row.tally.points), row.group.clone());
        if let Some((points, group)) = &self.after {
            let after = (Reverse(*points), group.clone());
            rows.retain(|row| place(row) > after);
        }
        rows.sort_by_cached_key(place);
        rows.truncate(self.limit);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means_are_of_what_is_known() {
        let mut tally = Tally::default();
        assert_eq!((tally.agreement(), tally.mean_latency()), (None, None));
        tally.count_answer(false, Duration::from_secs(1));
        tally.count_answer(true, Duration::from_secs(2));
        tally.submissions += 1;
        tally.count_agreement(true);
        assert_eq!(tally.agreement(), Some(1.0));
        assert_eq!(tally.mean_latency(), Some(Duration::from_millis(1_500)));
        assert_eq!((tally.submissions, tally.late), (2, 1));
    }
}
