use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{InstanceId, Label, OwnerId, TaskType, WorkerId};
use crate::submission::ModelIdentity;

/// What a worker says of itself when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The model that it runs for every type without one of its own, where it says so.
    pub model: Option<WorkerModel>,
    /// The models that it runs for single types.
    pub models: BTreeMap<TaskType, WorkerModel>,
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
            models: BTreeMap::new(),
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
    pub fn with_model(mut self, model: impl Into<WorkerModel>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Says which model the worker runs for tasks of `task_type`.
    #[must_use]
    pub fn with_model_for(mut self, task_type: TaskType, model: impl Into<WorkerModel>) -> Self {
        self.models.insert(task_type, model.into());
        self
    }

    /// What it said of the model that it runs for tasks of a type.
    #[must_use]
    pub fn model_of(&self, task_type: &TaskType) -> Option<&WorkerModel> {
        self.models.get(task_type).or(self.model.as_ref())
    }

    /// The identity of the model that it runs for tasks of a type, where it said so.
    #[must_use]
    pub fn model_for(&self, task_type: &TaskType) -> Option<&ModelIdentity> {
        self.model_of(task_type).map(|model| &model.identity)
    }
}

/// A model as a worker registers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerModel {
    /// Id, revision and precision.
    #[serde(flatten)]
    pub identity: ModelIdentity,
    /// The labels that it can give, in its own order; empty for free text or where it did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}

impl WorkerModel {
    /// A model of `identity` that does not say which labels it gives.
    #[must_use]
    pub const fn new(identity: ModelIdentity) -> Self {
        Self {
            identity,
            labels: Vec::new(),
        }
    }

    /// Says which labels it can give.
    #[must_use]
    pub fn with_labels(mut self, labels: Vec<Label>) -> Self {
        self.labels = labels;
        self
    }
}

impl From<ModelIdentity> for WorkerModel {
    fn from(identity: ModelIdentity) -> Self {
        Self::new(identity)
    }
}
