use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::assignment::Lease;
use crate::consensus::{RecordChange, StandingEntry, Standings};
use crate::id::{InstanceId, OwnerId, RequestId, TaskType, WorkerId};
use crate::submission::ModelIdentity;
use crate::task::TaskStatus;
use crate::time::Timestamp;

use super::{Tally, WorkerProfile};

/// A lease as a row: who holds it, and what was known of that worker when it claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeaseRow {
    /// Who holds it.
    pub worker: WorkerId,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// Until when it lasts.
    pub until: Timestamp,
    /// Who ran the worker, where that was known.
    pub owner: Option<OwnerId>,
    /// Which run of the worker claimed it, where it said so.
    pub instance: Option<InstanceId>,
    /// Which claim it came from, where the worker named that.
    pub request: Option<RequestId>,
    /// The model that the worker ran for the type of the task, where it said so.
    pub model: Option<ModelIdentity>,
    /// Whether its task was finalized while it was held: it then only lets a late answer in.
    pub grace: bool,
}

impl LeaseRow {
    /// A lease of `worker` from `claimed_at` to `until`.
    #[must_use]
    pub const fn new(worker: WorkerId, claimed_at: Timestamp, until: Timestamp) -> Self {
        Self {
            worker,
            claimed_at,
            until,
            owner: None,
            instance: None,
            request: None,
            model: None,
            grace: false,
        }
    }

    /// The lease as it is shown.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease::new(self.worker.clone(), self.claimed_at, self.until)
    }
}

/// How often a worker lost a task: its lease ended without an answer, through its own fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LossRow {
    /// The worker.
    pub worker: WorkerId,
    /// Who ran the worker when it last claimed the task, where that was known.
    pub owner: Option<OwnerId>,
    /// How often.
    pub count: u32,
}

impl LossRow {
    /// A worker of an owner that lost a task `count` times.
    #[must_use]
    pub const fn new(worker: WorkerId, owner: Option<OwnerId>, count: u32) -> Self {
        Self {
            worker,
            owner,
            count,
        }
    }

    /// How often a worker, or another one of its owner, lost a task that has these losses.
    #[must_use]
    pub fn count_of(losses: &[Self], worker: &WorkerId, owner: Option<&OwnerId>) -> u32 {
        let own = losses.iter().filter(|loss| {
            loss.worker == *worker || owner.is_some() && loss.owner.as_ref() == owner
        });
        own.fold(0, |sum, loss| sum.saturating_add(loss.count))
    }
}

/// Whether a worker was declared away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// It was not.
    #[default]
    Present,
    /// It was declared stale.
    Stale,
    /// It was declared gone.
    Gone,
}

/// A worker as a row that is written whole; what it did is added apart from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerRow {
    /// What it said of itself.
    pub profile: Arc<WorkerProfile>,
    /// Whether it was declared away.
    pub absence: Absence,
    /// How far it is trusted.
    pub standings: Standings,
}

impl WorkerRow {
    /// A worker that is present, and trusted like every worker at first.
    #[must_use]
    pub fn new(profile: impl Into<Arc<WorkerProfile>>) -> Self {
        Self {
            profile: profile.into(),
            absence: Absence::Present,
            standings: Standings::default(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &WorkerId {
        &self.profile.worker
    }

    /// Says something else of itself.
    #[must_use]
    pub fn with_profile(mut self, profile: impl Into<Arc<WorkerProfile>>) -> Self {
        self.profile = profile.into();
        self
    }

    /// Is declared away, or present.
    #[must_use]
    pub const fn with_absence(mut self, absence: Absence) -> Self {
        self.absence = absence;
        self
    }

    /// Is trusted so far with tasks of a type, or as a whole; `None` is as every worker is at first.
    #[must_use]
    pub fn with_standing(
        mut self,
        task_type: Option<&TaskType>,
        entry: Option<StandingEntry>,
    ) -> Self {
        self.standings.set(task_type.cloned(), entry);
        self
    }
}

/// A worker that gave no sign of life for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SilentWorker {
    /// The worker.
    pub worker: WorkerId,
    /// Whether it has ever sent a heartbeat.
    pub sends_heartbeats: bool,
}

impl SilentWorker {
    /// A worker, and whether it has ever sent a heartbeat.
    #[must_use]
    pub const fn new(worker: WorkerId, sends_heartbeats: bool) -> Self {
        Self {
            worker,
            sends_heartbeats,
        }
    }
}

/// When a market was looked after: one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceRow {
    /// When overdue leases were last ended.
    pub reaped_at: Option<Timestamp>,
    /// Since when that has been done without interruption.
    pub since: Option<Timestamp>,
}

impl ServiceRow {
    /// Overdue leases were last ended at `reaped_at`, and without interruption from `since` on.
    #[must_use]
    pub const fn new(reaped_at: Option<Timestamp>, since: Option<Timestamp>) -> Self {
        Self { reaped_at, since }
    }
}

/// A number that is kept up to date by the steps that change it, so that nobody has to count rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Tasks of a type in a status.
    Tasks(TaskType, TaskStatus),
    /// Claimable tasks of a type that want so many votes.
    Claimable(TaskType, u32),
    /// Workers that can do a type.
    Capable(TaskType),
    /// Votes that came in time.
    Submissions,
    /// Workers.
    Workers,
}

/// A change that adds to a row without looking at it.
///
/// Additions commute, so that a store neither locks the rows nor fetches them; only the streak of a
/// track record depends on the order of commits. Sums saturate and never fail.
#[derive(Debug, Clone, Copy)]
pub enum Addition<'a> {
    /// Adds to a counter.
    Count(&'a Counter, i64),
    /// A worker gave a sign of life now.
    ///
    /// The time it was last seen becomes now, but only when it is at least
    /// [`SEEN_INTERVAL`] older: busy workers would otherwise write the same row at every step.
    Seen(&'a WorkerId),
    /// A worker sent a heartbeat now.
    Heartbeat(&'a WorkerId),
    /// Adds to the tally of a worker's answers to tasks of a type with a model, and its points and
    /// submissions to the totals of the worker.
    Tally {
        /// The worker.
        worker: &'a WorkerId,
        /// The task type.
        task_type: &'a TaskType,
        /// The model; `None` for answers that do not say theirs.
        model: Option<&'a ModelIdentity>,
        /// What is added.
        by: &'a Tally,
    },
    /// Adds to a track record.
    Record {
        /// The worker; `None` for the record of the type as a whole.
        worker: Option<&'a WorkerId>,
        /// The task type.
        task_type: &'a TaskType,
        /// What is added.
        change: &'a RecordChange,
    },
}

/// How much time must pass before a worker is noted as seen again.
pub const SEEN_INTERVAL: Duration = Duration::from_secs(1);
