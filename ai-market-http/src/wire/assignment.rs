use std::sync::Arc;

use ai_market_core::api::ClaimRequest;
use ai_market_core::assignment::Assignment;
use ai_market_core::id::{InstanceId, RequestId, TaskId, TaskType, WorkerId};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::{Field, Limit, Seconds};

/// A worker asks for tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Claim")]
pub(crate) struct NextRequest {
    /// Who asks.
    worker_id: Field<WorkerId>,
    /// Which run of the worker this is.
    #[serde(default)]
    instance: Field<Option<InstanceId>>,
    /// How many tasks it wants at most; 1 where it is absent.
    #[serde(default)]
    limit: Field<Option<Limit>>,
    /// How long to wait for a task when there is none; 0 where it is absent. The coordinator sets
    /// a bound.
    #[serde(default)]
    wait_seconds: Field<Option<Seconds>>,
    /// The worker's own name for the claim. Asked again with it, the worker gets the leases again
    /// that it still holds of that claim, renewed, and no others.
    #[serde(default)]
    request_id: Field<Option<RequestId>>,
}

impl From<NextRequest> for ClaimRequest {
    fn from(request: NextRequest) -> Self {
        let mut claim = Self::new(request.worker_id.0)
            .with_limit(request.limit.0.map_or(1, Limit::get))
            .with_wait(request.wait_seconds.0.unwrap_or_default().0);
        claim.instance = request.instance.0;
        claim.request = request.request_id.0;
        claim
    }
}

impl From<ClaimRequest> for NextRequest {
    fn from(request: ClaimRequest) -> Self {
        Self {
            worker_id: Field(request.worker),
            instance: Field(request.instance),
            limit: Field(Some(request.limit.into())),
            wait_seconds: Field(Some(Seconds(request.wait))),
            request_id: Field(request.request),
        }
    }
}

/// A task for the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Assignment")]
pub(crate) struct AssignmentBody {
    /// The task.
    task_id: Field<TaskId>,
    /// What is to be answered.
    text: Field<Arc<str>>,
    /// The kind of inference.
    #[serde(default)]
    task_type: Field<TaskType>,
    /// Until when the answer is awaited, unless the lease is renewed.
    lease_until: Field<Timestamp>,
}

impl From<Assignment> for AssignmentBody {
    fn from(assignment: Assignment) -> Self {
        Self {
            task_id: Field(assignment.task),
            text: Field(assignment.text),
            task_type: Field(assignment.task_type),
            lease_until: Field(assignment.lease_until),
        }
    }
}

impl From<AssignmentBody> for Assignment {
    fn from(body: AssignmentBody) -> Self {
        Self::new(
            body.task_id.0,
            body.text.0,
            body.task_type.0,
            body.lease_until.0,
        )
    }
}

/// Tasks for the worker; none when there is nothing for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Assignments")]
pub(crate) struct NextBody {
    /// The first task; null when there is none.
    #[serde(default)]
    task_id: Field<Option<TaskId>>,
    /// The text of the first task; null when there is none.
    #[serde(default)]
    text: Field<Option<Arc<str>>>,
    /// Every task.
    #[serde(default)]
    tasks: Vec<AssignmentBody>,
}

impl From<Vec<Assignment>> for NextBody {
    fn from(assignments: Vec<Assignment>) -> Self {
        let first = assignments.first();
        Self {
            task_id: Field(first.map(|assignment| assignment.task)),
            text: Field(first.map(|assignment| assignment.text.clone())),
            tasks: assignments.into_iter().map(Into::into).collect(),
        }
    }
}

impl NextBody {
    /// The assignments. A narrower coordinator names only the first task; its lease is taken to
    /// last until `lease_until`.
    pub(crate) fn into_assignments(self, lease_until: Timestamp) -> Vec<Assignment> {
        match (self.task_id.0, self.text.0) {
            (Some(task), Some(text)) if self.tasks.is_empty() => {
                vec![Assignment::new(
                    task,
                    text,
                    TaskType::sentiment(),
                    lease_until,
                )]
            }
            _ => self.tasks.into_iter().map(Into::into).collect(),
        }
    }
}
