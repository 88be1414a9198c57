use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use ai_market_core::assignment::Lease;
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, PolicyName, Reference, Tag, TaskId, TaskType, WorkerId};
use ai_market_core::submission::{Scores, Submission, Vote};
use ai_market_core::task::{Params, Task, TaskDetails, TaskState, TaskStatus};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::model::{Model, ShownModel};
use super::{Field, Status};

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Task")]
pub(crate) struct TaskBody {
    /// Its id; the order of ids is the order of age.
    id: Field<TaskId>,
    /// What is to be answered.
    text: Field<Arc<str>>,
    /// The kind of inference.
    #[serde(default)]
    task_type: Field<TaskType>,
    /// Where it stands in its life.
    status: Field<Status>,
    /// The label that the votes decided; null until then.
    #[serde(default)]
    final_label: Field<Option<Label>>,
    /// How many votes were asked for.
    required_submissions: Field<u32>,
    /// How many votes came in time.
    #[serde(default)]
    submission_count: Field<u32>,
    /// How many votes are wanted now.
    #[serde(default)]
    wanted: Field<Option<u32>>,
    /// How many votes the policy may want in the end.
    #[serde(default)]
    max_submissions: Field<Option<u32>>,
    /// How many leases may be lost before the task fails.
    #[serde(default)]
    max_attempts: Field<Option<u32>>,
    /// How many leases were lost.
    #[serde(default)]
    attempts: Field<u32>,
    /// How many workers hold a lease on it.
    #[serde(default)]
    lease_count: Field<Option<u32>>,
    /// Higher comes first.
    #[serde(default)]
    priority: Field<i32>,
    /// When it is decided on the votes it has.
    #[serde(default)]
    deadline: Field<Option<Timestamp>>,
    /// Whether no two of its answers may come from the same model.
    #[serde(default)]
    distinct_models: Field<bool>,
    /// Settings for whoever answers it; absent where there are none.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    params: Field<Option<Params>>,
    /// The client's own text about it; absent where there is none.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    reference: Field<Option<Reference>>,
    /// The client's tags; absent where there are none.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    tags: Field<Option<BTreeSet<Tag>>>,
    /// When it was put in.
    #[serde(default)]
    created_at: Field<Option<Timestamp>>,
    /// When it was finalized, failed or cancelled.
    #[serde(default)]
    decided_at: Field<Option<Timestamp>>,
    /// The share of the votes that stand for the final label, as the policy weighs them.
    #[serde(default)]
    agreement: Field<Option<Confidence>>,
    /// The policy that decided.
    #[serde(default)]
    policy: Field<Option<PolicyName>>,
    /// Why it failed or was cancelled.
    #[serde(default)]
    failure_reason: Field<Option<String>>,
}

impl From<Task> for TaskBody {
    fn from(task: Task) -> Self {
        let status = task.status();
        let (mut label, mut agreement, mut policy) = (None, None, None);
        let (mut reason, mut decided) = (None, None);
        match task.state {
            TaskState::Finalized {
                label: final_label,
                agreement: share,
                policy: name,
                at,
            } => {
                (label, agreement) = (Some(final_label), Some(share));
                (policy, decided) = (Some(name), Some(at));
            }
            TaskState::Failed { reason: why, at } | TaskState::Cancelled { reason: why, at } => {
                (reason, decided) = (Some(why), Some(at));
            }
            // An open task has no more, and of states to come the status tells what is known.
            _ => {}
        }
        Self {
            id: Field(task.id),
            text: Field(task.text),
            task_type: Field(task.task_type),
            status: Field(Status(status)),
            final_label: Field(label),
            required_submissions: Field(task.required_submissions),
            submission_count: Field(task.submission_count),
            wanted: Field(Some(task.wanted)),
            max_submissions: Field(Some(task.max_submissions)),
            max_attempts: Field(Some(task.max_attempts)),
            attempts: Field(task.attempts),
            lease_count: Field(Some(task.lease_count)),
            priority: Field(task.priority),
            deadline: Field(task.deadline),
            distinct_models: Field(task.distinct_models),
            params: Field(task.params),
            reference: Field(task.reference),
            tags: Field(Some(task.tags).filter(|tags| !tags.is_empty())),
            created_at: Field(Some(task.created_at)),
            decided_at: Field(decided),
            agreement: Field(agreement),
            policy: Field(policy),
            failure_reason: Field(reason),
        }
    }
}

/// A task of which the sender says too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a finalized task without a final label")]
pub(crate) struct IncompleteTask;

impl TryFrom<TaskBody> for Task {
    type Error = IncompleteTask;

    /// Fills in what a narrower coordinator does not send.
    fn try_from(body: TaskBody) -> Result<Self, IncompleteTask> {
        let created_at = body.created_at.0.unwrap_or(Timestamp::from_micros(0));
        let at = body.decided_at.0.unwrap_or(created_at);
        let status = body.status.0.0;
        let mut task = Self::restore(body.id.0, body.text.0, created_at);
        task.task_type = body.task_type.0;
        task.required_submissions = body.required_submissions.0;
        task.wanted = body.wanted.0.unwrap_or(task.required_submissions);
        task.max_submissions = body.max_submissions.0.unwrap_or(task.required_submissions);
        task.max_attempts = body.max_attempts.0.unwrap_or(NonZeroU32::MIN.get());
        task.attempts = body.attempts.0;
        task.priority = body.priority.0;
        task.deadline = body.deadline.0;
        task.distinct_models = body.distinct_models.0;
        task.params = body.params.0;
        task.reference = body.reference.0;
        task.tags = body.tags.0.unwrap_or_default();
        task.submission_count = body.submission_count.0;
        let assigned = u32::from(status == TaskStatus::Assigned);
        task.lease_count = body.lease_count.0.unwrap_or(assigned);
        task.state = match status {
            TaskStatus::Queued | TaskStatus::Assigned => TaskState::Open,
            TaskStatus::Finalized => TaskState::Finalized {
                label: body.final_label.0.ok_or(IncompleteTask)?,
                agreement: body.agreement.0.unwrap_or(Confidence::ZERO),
                policy: body.policy.0.map_or_else(unnamed_policy, Ok)?,
                at,
            },
            TaskStatus::Failed => TaskState::Failed {
                reason: body.failure_reason.0.unwrap_or_else(no_reason),
                at,
            },
            TaskStatus::Cancelled => TaskState::Cancelled {
                reason: body.failure_reason.0.unwrap_or_else(no_reason),
                at,
            },
        };
        Ok(task)
    }
}

fn no_reason() -> String {
    "the coordinator gives no reason".to_owned()
}

fn unnamed_policy() -> Result<PolicyName, IncompleteTask> {
    PolicyName::new("unknown").map_err(|_| IncompleteTask)
}

/// One worker's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Submission")]
struct SubmissionBody {
    /// Who answered.
    worker_id: Field<WorkerId>,
    /// The answer.
    label: Field<Label>,
    /// How sure the model was of it.
    confidence: Field<Confidence>,
    /// The probabilities of all labels, where the model gave them.
    #[serde(default)]
    scores: Field<Option<Scores>>,
    /// The model that answered, where it is known.
    #[serde(default)]
    model: Field<Option<ShownModel>>,
    /// Whether the text was cut to what the model can read.
    #[serde(default)]
    truncated: Field<bool>,
    /// When it was accepted.
    #[serde(default)]
    submitted_at: Field<Option<Timestamp>>,
    /// Whether it came after the decision and changed neither label nor points.
    #[serde(default)]
    late: Field<bool>,
}

impl From<Submission> for SubmissionBody {
    fn from(submission: Submission) -> Self {
        Self {
            worker_id: Field(submission.worker),
            label: Field(submission.label),
            confidence: Field(submission.confidence),
            scores: Field(submission.scores),
            model: Field(submission.model.map(|model| ShownModel(Model(model)))),
            truncated: Field(submission.truncated),
            submitted_at: Field(Some(submission.submitted_at)),
            late: Field(submission.late),
        }
    }
}

impl SubmissionBody {
    fn into_submission(self, task: &Task) -> Submission {
        let mut vote = Vote::new(task.id, self.worker_id.0, self.label.0, self.confidence.0);
        vote.scores = self.scores.0;
        vote.model = self.model.0.map(|model| model.0.0);
        vote.truncated = self.truncated.0;
        let at = self.submitted_at.0.unwrap_or(task.created_at);
        Submission::accept(vote, None, at, self.late.0)
    }
}

/// Who holds a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Lease")]
struct LeaseBody {
    /// The holder.
    worker_id: Field<WorkerId>,
    /// When it claimed the task.
    claimed_at: Field<Timestamp>,
    /// Until when it holds it, unless the lease is renewed.
    lease_until: Field<Timestamp>,
}

impl From<Lease> for LeaseBody {
    fn from(lease: Lease) -> Self {
        Self {
            worker_id: Field(lease.worker),
            claimed_at: Field(lease.claimed_at),
            lease_until: Field(lease.until),
        }
    }
}

/// A task with its votes and leases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "TaskDetails")]
pub(crate) struct DetailsBody {
    #[serde(flatten)]
    #[oai(flatten)]
    task: TaskBody,
    /// The votes in the order in which they came, late ones last; empty while the task is open,
    /// for votes are blind.
    #[serde(default)]
    submissions: Vec<SubmissionBody>,
    /// Who holds a lease on it; empty for a closed task.
    #[serde(default)]
    leases: Vec<LeaseBody>,
    /// How many workers that are here may be given a task of its type; it may be a second old. Null
    /// for a closed task.
    #[serde(default)]
    able_workers: Field<Option<u64>>,
    /// What an open task waits for that does not come by itself, for people; null where there is
    /// nothing of the kind.
    #[serde(default)]
    waiting_for: Field<Option<String>>,
}

impl From<TaskDetails> for DetailsBody {
    fn from(details: TaskDetails) -> Self {
        Self {
            waiting_for: Field(details.waiting_for()),
            able_workers: Field(details.able_workers),
            task: details.task.into(),
            submissions: details.submissions.into_iter().map(Into::into).collect(),
            leases: details.leases.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<DetailsBody> for TaskDetails {
    type Error = IncompleteTask;

    fn try_from(body: DetailsBody) -> Result<Self, IncompleteTask> {
        let task = Task::try_from(body.task)?;
        let submissions = body.submissions.into_iter();
        let submissions = submissions.map(|s| s.into_submission(&task)).collect();
        let leases = body.leases.into_iter();
        let leases = leases.map(|l| Lease::new(l.worker_id.0, l.claimed_at.0, l.lease_until.0));
        let leases = leases.collect();
        let mut details = Self::new(task, submissions, leases);
        details.able_workers = body.able_workers.0;
        Ok(details)
    }
}
