use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assignment::Lease;
use crate::confidence::Confidence;
use crate::id::{Label, OwnerId, PolicyName, Reference, Tag, TaskId, TaskType};
use crate::submission::Submission;
use crate::time::Timestamp;

use super::{InputDigest, NewTask, Params, TaskStatus};

/// A task as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// Its id; the order of ids is the order of age.
    pub id: TaskId,
    /// What is to be answered.
    pub text: Arc<str>,
    /// The kind of inference.
    pub task_type: TaskType,
    /// When it was put in.
    pub created_at: Timestamp,
    /// How many votes were asked for.
    pub required_submissions: u32,
    /// How many votes are wanted now.
    pub wanted: u32,
    /// How many votes the policy may want in the end.
    pub max_submissions: u32,
    /// How many attempts may be lost before the task fails; 1 counts as 2.
    ///
    /// At most two losses of the workers of one owner are attempts, and always fewer than the task
    /// allows, so that nobody can fail a task alone.
    pub max_attempts: u32,
    /// How many leases were lost.
    pub attempts: u32,
    /// Higher comes first.
    pub priority: i32,
    /// When it is decided on the votes it has.
    pub deadline: Option<Timestamp>,
    /// Whether no two of its answers may come from the same model.
    pub distinct_models: bool,
    /// Settings for whoever answers it.
    pub params: Option<Params>,
    /// The client's own text about the task.
    pub reference: Option<Reference>,
    /// The client's tags.
    pub tags: BTreeSet<Tag>,
    /// The owner of the key with which it was created; `None` where no keys are in use, and for a task
    /// that was read over HTTP.
    #[serde(default)]
    pub client: Option<OwnerId>,
    /// The salt of its [input digest](Self::input_digest); `None` for a task that an earlier version
    /// stored, and for one that was read over HTTP.
    pub salt: Option<[u8; InputDigest::SALT_BYTES]>,
    /// How many votes came in time; late answers are not counted.
    pub submission_count: u32,
    /// How many workers hold a lease on it.
    pub lease_count: u32,
    /// Open, or how it ended.
    pub state: TaskState,
}

/// Whether a task is open, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskState {
    /// Votes are awaited.
    Open,
    /// The votes were decided.
    Finalized {
        /// The final label.
        label: Label,
        /// The share of the votes that stand for the label, as the policy weighs them.
        agreement: Confidence,
        /// The policy that decided.
        policy: PolicyName,
        /// When it was decided.
        at: Timestamp,
    },
    /// No decision could be reached.
    Failed {
        /// Why.
        reason: String,
        /// When the task failed.
        at: Timestamp,
    },
    /// The task was cancelled.
    Cancelled {
        /// Why, for people.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

impl Task {
    /// The task that a store holds after taking `new` at `now`.
    #[must_use]
    pub fn create(new: NewTask, now: Timestamp) -> Self {
        Self {
            task_type: new.task_type,
            required_submissions: new.required_submissions.get(),
            wanted: new.wanted.get(),
            max_submissions: new.max_submissions.get(),
            max_attempts: new.max_attempts.get(),
            priority: new.priority,
            deadline: new.deadline,
            distinct_models: new.distinct_models,
            params: new.params,
            reference: new.reference,
            tags: new.tags,
            client: new.client,
            salt: Some(new.salt),
            ..Self::restore(new.id, new.text, now)
        }
    }

    /// An open sentiment task with the numbers of [`NewTask::new`] and without a salt.
    ///
    /// It is for stores and clients that read a task back and set its other fields themselves.
    #[must_use]
    pub fn restore(id: TaskId, text: impl Into<Arc<str>>, created_at: Timestamp) -> Self {
        let votes = NewTask::DEFAULT_REQUIRED_SUBMISSIONS.get();
        Self {
            id,
            text: text.into(),
            task_type: TaskType::sentiment(),
            created_at,
            required_submissions: votes,
            wanted: votes,
            max_submissions: votes,
            max_attempts: NewTask::DEFAULT_MAX_ATTEMPTS.get(),
            attempts: 0,
            priority: 0,
            deadline: None,
            distinct_models: false,
            params: None,
            reference: None,
            tags: BTreeSet::new(),
            client: None,
            salt: None,
            submission_count: 0,
            lease_count: 0,
            state: TaskState::Open,
        }
    }

    /// The digest of its type, text and params, where it has a salt. It is computed anew each time.
    #[must_use]
    pub fn input_digest(&self) -> Option<InputDigest> {
        let params = self.params.as_ref();
        let digest = |salt| InputDigest::compute(salt, &self.task_type, &self.text, params);
        self.salt.map(digest)
    }

    /// Where the task stands in its life.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match self.state {
            TaskState::Open if self.lease_count == 0 => TaskStatus::Queued,
            TaskState::Open => TaskStatus::Assigned,
            TaskState::Finalized { .. } => TaskStatus::Finalized,
            TaskState::Failed { .. } => TaskStatus::Failed,
            TaskState::Cancelled { .. } => TaskStatus::Cancelled,
        }
    }

    /// How many more workers may hold a lease on the task now.
    #[must_use]
    pub fn claimable_replicas(&self) -> u32 {
        match self.state {
            TaskState::Open => self
                .wanted
                .saturating_sub(self.submission_count)
                .saturating_sub(self.lease_count),
            _ => 0,
        }
    }

    /// When it was closed; `None` while it is open.
    #[must_use]
    pub const fn decided_at(&self) -> Option<Timestamp> {
        match self.state {
            TaskState::Open => None,
            TaskState::Finalized { at, .. }
            | TaskState::Failed { at, .. }
            | TaskState::Cancelled { at, .. } => Some(at),
        }
    }

    /// The final label, once there is one.
    #[must_use]
    pub fn final_label(&self) -> Option<&Label> {
        match &self.state {
            TaskState::Finalized { label, .. } => Some(label),
            _ => None,
        }
    }
}

/// A task with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskDetails {
    /// The task.
    pub task: Task,
    /// Its votes in the order in which they came, late ones last.
    pub submissions: Vec<Submission>,
    /// Who holds a lease on it, in the order in which they claimed it; empty for a closed task.
    pub leases: Vec<Lease>,
    /// How many workers that are here may be given a task of its type; `None` for a closed task, and
    /// where it is not known.
    pub able_workers: Option<u64>,
}

impl TaskDetails {
    /// A task with its votes and leases.
    #[must_use]
    pub fn new(task: Task, submissions: Vec<Submission>, leases: Vec<Lease>) -> Self {
        Self {
            task,
            submissions,
            leases,
            able_workers: None,
        }
    }

    /// What the task waits for that does not come by itself, for people: a worker of its type, or more
    /// of them, since each has one vote. (Some of its votes may be of workers that have left; then fewer
    /// are enough.)
    #[must_use]
    pub fn waiting_for(&self) -> Option<String> {
        let able = self.able_workers?;
        let (task_type, wanted) = (&self.task.task_type, self.task.wanted);
        if able >= u64::from(wanted) || !self.task.status().is_open() {
            return None;
        }
        Some(match able {
            0 => format!("no live worker serves the task type {task_type}"),
            1 => format!(
                "{wanted} workers are to answer, and 1 live worker serves the task type {task_type}"
            ),
            able => format!(
                "{wanted} workers are to answer, and {able} live workers serve the task type \
                 {task_type}"
            ),
        })
    }
}
