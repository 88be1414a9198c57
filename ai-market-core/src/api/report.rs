use crate::consensus::Standing;
use crate::id::{PolicyName, TaskType};
use crate::store::{Presence, Tally, TallyRow, WorkerSummary};
use crate::time::Timestamp;

/// A worker with how it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// What it said of itself, and what it did.
    pub summary: WorkerSummary,
    /// Whether it is there.
    pub presence: Presence,
    /// When it counts as stale unless it is heard of.
    pub stale_at: Timestamp,
    /// When it counts as gone unless it is heard of.
    pub gone_at: Timestamp,
    /// How far it is trusted in all; the summary says it for each type.
    pub standing: Standing,
}

impl WorkerStatus {
    /// A worker that is `presence` now.
    #[must_use]
    pub fn new(
        summary: WorkerSummary,
        presence: Presence,
        stale_at: Timestamp,
        gone_at: Timestamp,
    ) -> Self {
        let standing = summary.standings.overall(&summary.profile.capabilities);
        Self {
            summary,
            presence,
            stale_at,
            gone_at,
            standing,
        }
    }
}

/// A worker with how it did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WorkerReport {
    /// How it is now.
    pub status: WorkerStatus,
    /// How it did, by model and task type.
    pub tallies: Vec<TallyRow>,
    /// The types for which it agrees with the consensus more often than others do, the largest
    /// advantage first.
    pub specialization: Vec<Specialty>,
}

impl WorkerReport {
    /// A worker with how it did by model and type, where `all` tells how everybody did by type.
    #[must_use]
    pub fn new(status: WorkerStatus, tallies: Vec<TallyRow>, all: &[TallyRow]) -> Self {
        let specialization = Specialty::find(&tallies, all);
        Self {
            status,
            tallies,
            specialization,
        }
    }
}

/// A task type for which a worker agrees with the consensus more often than others do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Specialty {
    /// The type.
    pub task_type: TaskType,
    /// The share of its answers that agree, in 0..=1.
    pub agreement: f64,
    /// The share of all others' answers that agree, in 0..=1.
    pub others: f64,
}

impl Specialty {
    /// A type with the shares of agreeing answers, both in 0..=1.
    #[must_use]
    pub const fn new(task_type: TaskType, agreement: f64, others: f64) -> Self {
        Self {
            task_type,
            agreement,
            others,
        }
    }

    /// Finds the types for which a worker is clearly better than the others: where its share of
    /// agreements, less what luck may do, is above theirs.
    ///
    /// What luck may do is taken off by the lower end of the 95 % score interval (Wilson, "Probable
    /// Inference, the Law of Succession, and Statistical Inference", Journal of the American
    /// Statistical Association 22, 1927).
    #[must_use]
    pub fn find(own: &[TallyRow], all: &[TallyRow]) -> Vec<Self> {
        let mut found: Vec<_> = all
            .iter()
            .filter_map(|row| {
                let task_type = row.group.task_type.as_ref()?;
                let mut mine = Tally::default();
                own.iter()
                    .filter(|row| row.group.task_type.as_ref() == Some(task_type))
                    .for_each(|row| mine.add(&row.tally));
                let others = Tally {
                    agreements: row.tally.agreements.saturating_sub(mine.agreements),
                    disagreements: row.tally.disagreements.saturating_sub(mine.disagreements),
                    ..Tally::default()
                };
                let (agreement, others) = (mine.agreement()?, others.agreement()?);
                (at_least(&mine) > others).then(|| Self {
                    task_type: task_type.clone(),
                    agreement,
                    others,
                })
            })
            .collect();
        let advantage = |specialty: &Self| specialty.agreement - specialty.others;
        found.sort_by(|a, b| advantage(b).total_cmp(&advantage(a)));
        found
    }
}

/// The lower end of the 95 % score interval of a share of agreements.
fn at_least(tally: &Tally) -> f64 {
    const Z: f64 = 1.96;
    let n = (tally.agreements + tally.disagreements) as f64;
    let p = tally.agreements as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (centre - spread) / (1.0 + Z * Z / n)
}

/// A task type with its tasks and who serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskTypeReport {
    /// The type.
    pub task_type: TaskType,
    /// Open tasks that nobody holds.
    pub queued: u64,
    /// Open tasks that somebody holds.
    pub assigned: u64,
    /// Tasks with a final label.
    pub finalized: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// Workers that are here and serve it.
    pub workers: u64,
    /// The different models that they serve it with, as far as they say.
    pub models: u64,
    /// The policy that decides its tasks.
    pub policy: PolicyName,
    /// What says when two of its answers say the same.
    pub comparator: PolicyName,
}

impl TaskTypeReport {
    /// A type without tasks and workers.
    #[must_use]
    pub const fn new(task_type: TaskType, policy: PolicyName, comparator: PolicyName) -> Self {
        Self {
            task_type,
            queued: 0,
            assigned: 0,
            finalized: 0,
            failed: 0,
            cancelled: 0,
            workers: 0,
            models: 0,
            policy,
            comparator,
        }
    }

    /// How many tasks wait for votes.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.queued + self.assigned
    }

    /// Whether tasks wait although nobody serves them.
    #[must_use]
    pub const fn is_unserved(&self) -> bool {
        self.open() > 0 && self.workers == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::TallyGroup;

    fn row(task_type: &str, agreements: u64, disagreements: u64) -> TallyRow {
        let tally = Tally {
            agreements,
            disagreements,
            ..Tally::default()
        };
        let task_type = TaskType::new(task_type).unwrap();
        TallyRow::new(TallyGroup::new().with_task_type(task_type), tally)
    }

    #[test]
    fn a_specialty_is_more_than_luck() {
        let own = [
            row("ner", 95, 5),
            row("sentiment", 3, 0),
            row("alone", 9, 0),
        ];
        let all = [
            row("ner", 895, 205),
            row("sentiment", 83, 20),
            row("alone", 9, 0),
        ];
        let found = Specialty::find(&own, &all);
        assert_eq!(found.len(), 1, "three right answers are luck");
        assert_eq!(found[0].task_type.as_str(), "ner");
        assert!((found[0].agreement - 0.95).abs() < 1e-12);
        assert!((found[0].others - 0.8).abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_wilsons() {
        let tally = row("ner", 9, 1).tally;
        assert!((at_least(&tally) - 0.5958).abs() < 1e-4);
    }
}
