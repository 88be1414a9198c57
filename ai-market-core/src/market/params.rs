use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{InstanceId, OwnerId, RequestId, TaskId, WorkerId};
use crate::task::NewTask;
use crate::time::Timestamp;

/// Tasks are put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Insert {
    /// The tasks.
    pub tasks: Vec<NewTask>,
    /// How many open tasks there may be in all; those that are there count.
    pub max_open: u64,
}

impl Insert {
    /// `tasks` are put in, however many are there.
    #[must_use]
    pub fn new(tasks: Vec<NewTask>) -> Self {
        Self {
            tasks,
            max_open: u64::MAX,
        }
    }

    /// Sets how many open tasks there may be in all.
    #[must_use]
    pub fn with_max_open(mut self, max_open: u64) -> Self {
        self.max_open = max_open;
        self
    }
}

/// A worker asks for tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// Who runs it, where that is known otherwise than from the registration; a worker that is
    /// registered under another owner, or none, is as good as unknown.
    pub owner: Option<OwnerId>,
    /// The worker's own name for the claim. While it holds leases of an earlier claim of that name,
    /// it gets those again, renewed, and no others.
    pub request: Option<RequestId>,
    /// How many tasks it wants at most.
    pub limit: usize,
    /// How many leases it may hold in all; those that it holds count.
    pub max_leases: usize,
    /// How long each lease lasts.
    pub lease: Duration,
}

impl Claim {
    /// How many leases a worker may hold where nothing else is said.
    pub const DEFAULT_MAX_LEASES: usize = 64;

    /// `worker` asks for one task, to be leased for `lease`.
    #[must_use]
    pub fn new(worker: WorkerId, lease: Duration) -> Self {
        Self {
            worker,
            instance: None,
            owner: None,
            request: None,
            limit: 1,
            max_leases: Self::DEFAULT_MAX_LEASES,
            lease,
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

    /// Names the claim.
    #[must_use]
    pub fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Which of its leases a worker means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseScope {
    /// Those on these tasks.
    Named(Vec<TaskId>),
    /// All that it holds. Renewing keeps each to at most its claim time plus ten leases.
    AllOf,
}

impl Renew {
    /// `worker` renews `scope` for `lease` from now.
    #[must_use]
    pub fn new(worker: WorkerId, scope: LeaseScope, lease: Duration) -> Self {
        Self {
            worker,
            instance: None,
            scope,
            lease,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Why a lease is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseReason {
    /// The worker will not get to it; this costs nothing.
    Returned,
    /// The worker could not answer it, for this reason; this is an attempt.
    Failed(String),
}

impl Release {
    /// `worker` gives the leases of `scope` back without having failed at them.
    #[must_use]
    pub fn new(worker: WorkerId, scope: LeaseScope) -> Self {
        Self {
            worker,
            instance: None,
            scope,
            reason: ReleaseReason::Returned,
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

/// Cancels a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cancel {
    /// The task.
    pub task: TaskId,
    /// Why, for people; at most 500 bytes of it are kept.
    pub reason: String,
}

impl Cancel {
    /// Cancels `task` for `reason`.
    pub fn new(task: TaskId, reason: impl Into<String>) -> Self {
        Self {
            task,
            reason: reason.into(),
        }
    }
}

/// Deletes tasks that were closed long ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prune {
    /// Only tasks that were closed before.
    pub closed_before: Timestamp,
    /// Only tasks after this one: what [`Pruned::next`](super::Pruned::next) said.
    pub after: Option<TaskId>,
    /// How many closed tasks to look at, and delete, at most.
    pub limit: usize,
}

impl Prune {
    /// Deletes up to `limit` tasks that were closed before `closed_before`.
    #[must_use]
    pub const fn new(closed_before: Timestamp, limit: usize) -> Self {
        Self {
            closed_before,
            after: None,
            limit,
        }
    }

    /// Only tasks after `task`.
    #[must_use]
    pub const fn after(mut self, task: Option<TaskId>) -> Self {
        self.after = task;
        self
    }
}

/// One round of ending what has run out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reap {
    /// How many leases that ran out, deadlines, stale workers, gone workers, leases of gone
    /// workers and unused workers, each, the round ends, declares or deletes at most.
    pub limit: usize,
    /// When the last round is longer ago than this, nobody served in between, and every lease is
    /// first extended by that time.
    pub silence: Duration,
    /// How far ahead of now a lease may reach after a time in which nobody served, or after the clock
    /// was put back; longer ones are cut.
    pub longest_lease: Duration,
    /// After how long without a noted sign of life a worker is stale; none is where it is absent. A
    /// sign of life may be noted up to [`SEEN_INTERVAL`](crate::store::SEEN_INTERVAL) late.
    pub stale_after: Option<Duration>,
    /// After how long without a noted sign of life a worker is gone; none is where it is absent.
    pub gone_after: Option<Duration>,
    /// After how long without a sign of life a worker that is gone and never did anything is deleted;
    /// none is where it is absent.
    pub unused_after: Option<Duration>,
}

impl Reap {
    /// Ends up to `limit` leases and deadlines; rounds further apart than `silence` mean that the
    /// coordinator was down.
    #[must_use]
    pub const fn new(limit: usize, silence: Duration) -> Self {
        Self {
            limit,
            silence,
            longest_lease: Duration::MAX,
            stale_after: None,
            gone_after: None,
            unused_after: None,
        }
    }

    /// Cuts leases that reach further ahead after a time in which nobody served.
    #[must_use]
    pub const fn with_longest_lease(mut self, lease: Duration) -> Self {
        self.longest_lease = lease;
        self
    }

    /// Declares workers stale that gave no sign of life for `stale_after`.
    #[must_use]
    pub const fn with_stale_after(mut self, stale_after: Duration) -> Self {
        self.stale_after = Some(stale_after);
        self
    }

    /// Declares workers gone that gave no sign of life for `gone_after`.
    #[must_use]
    pub const fn with_gone_after(mut self, gone_after: Duration) -> Self {
        self.gone_after = Some(gone_after);
        self
    }

    /// Deletes workers that gave no sign of life for `unused_after` and never did anything.
    #[must_use]
    pub const fn with_unused_after(mut self, unused_after: Duration) -> Self {
        self.unused_after = Some(unused_after);
        self
    }
}
