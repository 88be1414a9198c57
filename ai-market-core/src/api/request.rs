use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::id::{
    IdempotencyKey, InstanceId, OwnerId, Reference, RequestId, Tag, TaskId, TaskType, WorkerId,
};
use crate::market::ReleaseReason;
use crate::task::Params;
use crate::time::Timestamp;

/// What a client wants answered; what it leaves open the coordinator chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskSpec {
    /// What is to be answered.
    pub text: Arc<str>,
    /// The kind of inference.
    pub task_type: TaskType,
    /// How many votes to ask for.
    pub required_submissions: Option<NonZeroU32>,
    /// How many votes the policy may ask for in the end.
    pub max_submissions: Option<NonZeroU32>,
    /// How many attempts may be lost before the task fails; 1 counts as 2, since nobody may fail a
    /// task alone.
    pub max_attempts: Option<NonZeroU32>,
    /// Higher comes first; 0 is usual.
    pub priority: i32,
    /// When the task is decided on the votes it has, or fails where it has none.
    pub deadline: Option<Timestamp>,
    /// The client's own name for the task, which makes asking again safe.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Whether no two of its answers may come from the same model.
    pub distinct_models: bool,
    /// Settings for whoever answers it. They are kept and shown; nothing uses them yet.
    pub params: Option<Params>,
    /// The client's own text about the task.
    pub reference: Option<Reference>,
    /// The client's tags; at most [`NewTask::MAX_TAGS`](crate::task::NewTask::MAX_TAGS).
    pub tags: BTreeSet<Tag>,
    /// The owner of the key with which it is created. Where keys are in use, the coordinator sets it.
    pub client: Option<OwnerId>,
}

impl TaskSpec {
    /// The text `text`, to be answered as a sentiment task.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            task_type: TaskType::sentiment(),
            required_submissions: None,
            max_submissions: None,
            max_attempts: None,
            priority: 0,
            deadline: None,
            idempotency_key: None,
            distinct_models: false,
            params: None,
            reference: None,
            tags: BTreeSet::new(),
            client: None,
        }
    }

    /// Sets the kind of inference.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = task_type;
        self
    }

    /// Asks for `votes`.
    #[must_use]
    pub fn with_required_submissions(mut self, votes: NonZeroU32) -> Self {
        self.required_submissions = Some(votes);
        self
    }

    /// Lets the policy ask for up to `votes`.
    #[must_use]
    pub fn with_max_submissions(mut self, votes: NonZeroU32) -> Self {
        self.max_submissions = Some(votes);
        self
    }

    /// Sets how many leases may be lost before the task fails.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Sets the priority.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Timestamp) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets whether no two of its answers may come from the same model; workers that do not say
    /// which model they run then get no replica of it.
    #[must_use]
    pub fn with_distinct_models(mut self, distinct: bool) -> Self {
        self.distinct_models = distinct;
        self
    }

    /// Sets the client's own name for the task.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Sets the params.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.params = Some(params);
        self
    }

    /// Sets the client's own text about the task.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Sets the tags.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.tags = tags.into_iter().collect();
        self
    }
}

/// What a coordinator asks of its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// How long a lease lasts unless it is renewed.
    pub lease: Duration,
    /// How often a worker is to send a heartbeat.
    pub heartbeat: Duration,
}

impl Terms {
    /// Leases of `lease`, and a heartbeat every `heartbeat`.
    #[must_use]
    pub const fn new(lease: Duration, heartbeat: Duration) -> Self {
        Self { lease, heartbeat }
    }
}

/// A worker asks for tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// Who runs it, where that is known otherwise than from the registration.
    pub owner: Option<OwnerId>,
    /// The worker's own name for the claim, which makes claiming again safe: while the worker holds
    /// leases of an earlier claim of that name, it gets those again, renewed, and no others.
    ///
    /// It must differ from those of the worker's other claims whose leases it still holds.
    pub request: Option<RequestId>,
    /// How many tasks it wants at most; more than the coordinator gives at once count as that.
    pub limit: usize,
    /// How long to wait for a task when there is none; more than the coordinator allows counts as
    /// that.
    pub wait: Duration,
}

impl ClaimRequest {
    /// `worker` asks for one task and does not wait.
    #[must_use]
    pub fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            instance: None,
            owner: None,
            request: None,
            limit: 1,
            wait: Duration::ZERO,
        }
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
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

    /// Waits up to `wait` for a task.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// A worker says that it is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// Who says so.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// The tasks it is at work on, whose leases are renewed; `None` renews all that it holds, each
    /// to at most ten leases after its claim.
    pub tasks: Option<Vec<TaskId>>,
}

impl Heartbeat {
    /// `worker` is alive, and renews all that it holds.
    #[must_use]
    pub fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            instance: None,
            tasks: None,
        }
    }

    /// Says which run of the worker this is.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Renews only the leases on `tasks`.
    #[must_use]
    pub fn with_tasks(mut self, tasks: Vec<TaskId>) -> Self {
        self.tasks = Some(tasks);
        self
    }
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeartbeatReply {
    /// The coordinator's time.
    pub now: Timestamp,
    /// The named tasks on which the worker holds no lease any more; it should drop them.
    pub gone: Vec<TaskId>,
}

impl HeartbeatReply {
    /// The coordinator's time, and what the worker should drop.
    #[must_use]
    pub const fn new(now: Timestamp, gone: Vec<TaskId>) -> Self {
        Self { now, gone }
    }
}

/// The answer to a vote that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The vote was taken.
    Accepted {
        /// Whether it decided the task.
        finalized: bool,
    },
    /// The worker had answered before; the first answer stands.
    Duplicate {
        /// Whether the task is finalized.
        finalized: bool,
    },
}

impl Receipt {
    /// Whether the task has its final label.
    #[must_use]
    pub const fn finalized(self) -> bool {
        match self {
            Self::Accepted { finalized } | Self::Duplicate { finalized } => finalized,
        }
    }
}

/// A worker gives leases back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseRequest {
    /// Who gives them back.
    pub worker: WorkerId,
    /// Which run of it, where it says so.
    pub instance: Option<InstanceId>,
    /// The tasks; those that it does not hold are passed over. `None` gives back all that it holds.
    pub tasks: Option<Vec<TaskId>>,
    /// Whether it failed at them.
    pub reason: ReleaseReason,
}

impl ReleaseRequest {
    /// `worker` gives all that it holds back without having failed at it.
    #[must_use]
    pub fn all(worker: WorkerId) -> Self {
        Self {
            worker,
            instance: None,
            tasks: None,
            reason: ReleaseReason::Returned,
        }
    }

    /// `worker` gives `tasks` back without having failed at them.
    #[must_use]
    pub fn new(worker: WorkerId, tasks: Vec<TaskId>) -> Self {
        Self {
            worker,
            instance: None,
            tasks: Some(tasks),
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
