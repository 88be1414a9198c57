use std::collections::BTreeSet;
use std::time::Duration;

use crate::id::{InstanceId, OwnerId, TaskId, TaskType, WorkerId};
use crate::submission::ModelIdentity;
use crate::task::NewTask;
use crate::time::Timestamp;

/// Tasks are put in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Insert {
    /// The tasks.
    pub tasks: Vec<NewTask>,
    /// How many open tasks there may be in all; those that are there count.
    pub max_open: u64,
    /// The time now.
    pub now: Timestamp,
}

impl Insert {
    /// `tasks` are put in, however many are there.
    #[must_use]
    pub fn new(tasks: Vec<NewTask>, now: Timestamp) -> Self {
        Self {
            tasks,
            max_open: u64::MAX,
            now,
        }
    }

    /// Sets how many open tasks there may be in all.
    #[must_use]
    pub fn with_max_open(mut self, max_open: u64) -> Self {
        self.max_open = max_open;
        self
    }
}

/// What a worker says of itself when it registers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerProfile {
    /// Its id.
    pub worker: WorkerId,
    /// Who runs it, where that is known.
    pub owner: Option<OwnerId>,
    /// Which run of the worker this is, where it says so.
    pub instance: Option<InstanceId>,
    /// The task types that it can do.
    pub capabilities: BTreeSet<TaskType>,
    /// The model that it runs, where it says so.
    pub model: Option<ModelIdentity>,
}

impl WorkerProfile {
    /// A worker that can do `capabilities`, without owner, instance or model.
    pub fn new(worker: WorkerId, capabilities: impl IntoIterator<Item = TaskType>) -> Self {
        Self {
            worker,
            owner: None,
            instance: None,
            capabilities: capabilities.into_iter().collect(),
            model: None,
        }
    }

    /// Says who runs the worker.
    #[must_use]
    pub fn with_owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Says which model the worker runs.
    #[must_use]
    pub fn with_model(mut self, model: ModelIdentity) -> Self {
        self.model = Some(model);
        self
    }
}

/// A worker asks for tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// Who runs it, where that is known otherwise than from the registration; a worker that is
    /// registered under another owner, or none, is as good as unknown.
    pub owner: Option<OwnerId>,
    /// How many tasks it wants at most.
    pub limit: usize,
    /// How many leases it may hold in all; those that it holds count.
    pub max_leases: usize,
    /// How long each lease lasts.
    pub lease: Duration,
    /// The time now.
    pub now: Timestamp,
}

impl Claim {
    /// How many leases a worker may hold where nothing else is said.
    pub const DEFAULT_MAX_LEASES: usize = 64;

    /// `worker` asks for one task, to be leased for `lease`.
    #[must_use]
    pub fn new(worker: WorkerId, lease: Duration, now: Timestamp) -> Self {
        Self {
            worker,
            instance: None,
            owner: None,
            limit: 1,
            max_leases: Self::DEFAULT_MAX_LEASES,
            lease,
            now,
        }
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Says who runs the worker.
    #[must_use]
    pub fn with_owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Asks for up to `limit` tasks.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how many leases the worker may hold in all.
    #[must_use]
    pub fn with_max_leases(mut self, max_leases: usize) -> Self {
        self.max_leases = max_leases;
        self
    }
}

/// A worker says that it is alive and still at work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renew {
    /// Who says so.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// Which leases to renew.
    pub scope: LeaseScope,
    /// How long the leases are to last from now.
    pub lease: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// Which of its leases a worker means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseScope {
    /// Those on these tasks.
    Named(Vec<TaskId>),
    /// All that it holds. Renewing keeps each to at most its claim time plus ten leases.
    AllOf,
}

impl Renew {
    /// `worker` renews `scope` for `lease` from `now`.
    #[must_use]
    pub fn new(worker: WorkerId, scope: LeaseScope, lease: Duration, now: Timestamp) -> Self {
        Self {
            worker,
            instance: None,
            scope,
            lease,
            now,
        }
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }
}

/// A worker gives leases back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Who gives them back.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// Which leases; tasks that it does not hold are passed over.
    pub scope: LeaseScope,
    /// Whether it failed at them.
    pub reason: ReleaseReason,
    /// The time now.
    pub now: Timestamp,
}

/// Why a lease is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The worker will not get to it; this costs nothing.
    Returned,
    /// The worker could not answer it, for this reason; this is an attempt.
    Failed(String),
}

impl Release {
    /// `worker` gives the leases of `scope` back without having failed at them.
    #[must_use]
    pub fn new(worker: WorkerId, scope: LeaseScope, now: Timestamp) -> Self {
        Self {
            worker,
            instance: None,
            scope,
            reason: ReleaseReason::Returned,
            now,
        }
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Says that the worker failed at the tasks.
    #[must_use]
    pub fn failed(mut self, reason: impl Into<String>) -> Self {
        self.reason = ReleaseReason::Failed(reason.into());
        self
    }
}

/// One round of ending what ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reap {
    /// The time now.
    pub now: Timestamp,
    /// How many leases and how many deadlines to end at most in this round.
    pub limit: usize,
    /// When the last round is longer ago than this, nobody served in between, and every lease is
    /// first extended by that time.
    pub silence: Duration,
}

impl Reap {
    /// Ends up to `limit` leases and deadlines at `now`; rounds further apart than `silence` mean
    /// that the coordinator was down.
    #[must_use]
    pub fn new(now: Timestamp, limit: usize, silence: Duration) -> Self {
        Self {
            now,
            limit,
            silence,
        }
    }
}
