use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use ai_market_core::api::TaskSpec;
use ai_market_core::id::{IdempotencyKey, Reference, Tag, TaskId, TaskType};
use ai_market_core::task::Params;
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::Field;

/// A task to be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "NewTask")]
pub(crate) struct TaskRequest {
    /// What is to be answered.
    text: Field<Arc<str>>,
    /// The kind of inference; `sentiment` where it is absent.
    #[serde(default)]
    task_type: Field<Option<TaskType>>,
    /// Another name of `task_type`.
    #[serde(default, rename = "type", skip_serializing_if = "Field::is_none")]
    #[oai(rename = "type")]
    type_alias: Field<Option<TaskType>>,
    /// How many votes to ask for; the coordinator's setting (usually 3) where it is absent.
    #[serde(default)]
    required_submissions: Field<Option<NonZeroU32>>,
    /// How many votes the policy may ask for in the end; as many as are required where it is
    /// absent.
    #[serde(default)]
    max_submissions: Field<Option<NonZeroU32>>,
    /// How many leases may be lost before the task fails; the coordinator's setting (usually 5)
    /// where it is absent.
    #[serde(default)]
    max_attempts: Field<Option<NonZeroU32>>,
    /// Higher comes first; 0 where it is absent.
    #[serde(default)]
    priority: Field<Option<i32>>,
    /// When the task is decided on the votes it has, or fails where it has none.
    #[serde(default)]
    deadline: Field<Option<Timestamp>>,
    /// The client's own name for the task, which makes asking again safe.
    #[serde(default)]
    idempotency_key: Field<Option<IdempotencyKey>>,
    /// Whether no two of its answers may come from the same model; false where it is absent. Workers
    /// that do not say which model they run then get no replica of it.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    distinct_models: Field<Option<bool>>,
    /// Settings for whoever answers the task. They are kept and shown.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    params: Field<Option<Params>>,
    /// The client's own text about the task. It is kept and shown.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    reference: Field<Option<Reference>>,
    /// The client's tags, at most 16. They are kept and shown.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    tags: Field<Option<BTreeSet<Tag>>>,
}

impl From<TaskRequest> for TaskSpec {
    fn from(request: TaskRequest) -> Self {
        let task_type = request.task_type.0.or(request.type_alias.0);
        let mut spec = Self::new(request.text.0).with_task_type(task_type.unwrap_or_default());
        spec.required_submissions = request.required_submissions.0;
        spec.max_submissions = request.max_submissions.0;
        spec.max_attempts = request.max_attempts.0;
        spec.priority = request.priority.0.unwrap_or_default();
        spec.deadline = request.deadline.0;
        spec.idempotency_key = request.idempotency_key.0;
        spec.distinct_models = request.distinct_models.0.unwrap_or_default();
        spec.params = request.params.0;
        spec.reference = request.reference.0;
        spec.tags = request.tags.0.unwrap_or_default();
        spec
    }
}

impl From<TaskSpec> for TaskRequest {
    fn from(spec: TaskSpec) -> Self {
        Self {
            text: Field(spec.text),
            task_type: Field(Some(spec.task_type)),
            type_alias: Field(None),
            required_submissions: Field(spec.required_submissions),
            max_submissions: Field(spec.max_submissions),
            max_attempts: Field(spec.max_attempts),
            priority: Field(Some(spec.priority)),
            deadline: Field(spec.deadline),
            idempotency_key: Field(spec.idempotency_key),
            distinct_models: Field(spec.distinct_models.then_some(true)),
            params: Field(spec.params),
            reference: Field(spec.reference),
            tags: Field(Some(spec.tags).filter(|tags| !tags.is_empty())),
        }
    }
}

/// The task was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub(crate) struct TaskCreated {
    /// Its id; that of the earlier task where the idempotency key was used before.
    pub(crate) task_id: Field<TaskId>,
}

impl From<TaskCreated> for TaskId {
    fn from(created: TaskCreated) -> Self {
        created.task_id.0
    }
}
