use std::collections::BTreeSet;

use crate::id::{Label, TaskType};
use crate::submission::ModelIdentity;

/// What a model is: its identity, the task types it serves and the labels it can give.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Id, revision and precision.
    pub identity: ModelIdentity,
    /// The task types that it serves.
    pub task_types: BTreeSet<TaskType>,
    /// The labels that it can give, in its own order; empty for free text and for
    /// [`Spans`](crate::submission::Spans).
    pub labels: Vec<Label>,
}

impl ModelInfo {
    /// A model of `identity` that serves `task_types` and answers in free text.
    pub fn new(identity: ModelIdentity, task_types: impl IntoIterator<Item = TaskType>) -> Self {
        Self {
            identity,
            task_types: task_types.into_iter().collect(),
            labels: Vec::new(),
        }
    }

    /// Says which labels the model can give.
    #[must_use]
    pub fn with_labels(mut self, labels: Vec<Label>) -> Self {
        self.labels = labels;
        self
    }

    /// Whether it serves tasks of `task_type`.
    #[must_use]
    pub fn serves(&self, task_type: &TaskType) -> bool {
        self.task_types.contains(task_type)
    }
}

/// The names of models, for people.
pub(crate) fn names(models: &[ModelInfo]) -> String {
    let names: Vec<_> = models
        .iter()
        .map(|model| model.identity.to_string())
        .collect();
    names.join(", ")
}
