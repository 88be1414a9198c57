use ai_market_core::api::{ModelReport, TaskTypeReport};
use ai_market_core::id::{Label, PolicyName, TaskType};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::Field;
use super::model::{Model, ShownModel};
use super::tally::TallyBody;

/// A model with who runs it and how it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "ModelReport")]
pub(crate) struct ModelBody {
    /// The model; null is that of the workers and answers that do not say theirs.
    model: Field<Option<ShownModel>>,
    #[serde(flatten)]
    #[oai(flatten)]
    tally: TallyBody,
    /// How it is used and did, by task type.
    task_types: Vec<ModelTypeBody>,
}

/// A model on tasks of one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "ModelTaskType")]
struct ModelTypeBody {
    /// The type.
    task_type: Field<TaskType>,
    /// How many workers that are here serve the type with it.
    workers: Field<u64>,
    /// The labels that it can give, as the workers registered it; empty where none of them is here,
    /// or for free text.
    labels: Field<Vec<Label>>,
    #[serde(flatten)]
    #[oai(flatten)]
    tally: TallyBody,
}

impl From<ModelReport> for ModelBody {
    fn from(report: ModelReport) -> Self {
        let task_types = report.task_types.into_iter().map(|of| ModelTypeBody {
            task_type: Field(of.task_type),
            workers: Field(of.workers),
            labels: Field(of.labels),
            tally: of.tally.into(),
        });
        Self {
            model: Field(report.model.map(|model| ShownModel(Model(model)))),
            tally: report.tally.into(),
            task_types: task_types.collect(),
        }
    }
}

impl From<ModelBody> for ModelReport {
    fn from(body: ModelBody) -> Self {
        let mut report = Self::new(body.model.0.map(|model| model.0.0));
        report.tally = body.tally.into();
        for of in body.task_types {
            let place = report.task_type(&of.task_type.0);
            place.workers = of.workers.0;
            place.labels = of.labels.0;
            place.tally = of.tally.into();
        }
        report
    }
}

/// A task type with its tasks and who serves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "TaskType")]
pub(crate) struct TaskTypeBody {
    /// The type.
    task_type: Field<TaskType>,
    /// Open tasks that nobody holds.
    queued: Field<u64>,
    /// Open tasks that somebody holds.
    assigned: Field<u64>,
    /// Both together.
    open: Field<u64>,
    /// Tasks with a final label.
    finalized: Field<u64>,
    /// Tasks that failed.
    failed: Field<u64>,
    /// Tasks that were cancelled.
    #[serde(default)]
    cancelled: Field<u64>,
    /// Workers that are here and serve it.
    workers: Field<u64>,
    /// The different models that they serve it with, as far as they say.
    models: Field<u64>,
    /// Whether there is such a worker; tasks of a type that nobody serves wait.
    served: Field<bool>,
    /// The policy that decides its tasks.
    policy: Field<PolicyName>,
    /// What says when two of its answers say the same.
    comparator: Field<PolicyName>,
}

impl From<TaskTypeReport> for TaskTypeBody {
    fn from(report: TaskTypeReport) -> Self {
        Self {
            open: Field(report.open()),
            served: Field(report.workers > 0),
            task_type: Field(report.task_type),
            queued: Field(report.queued),
            assigned: Field(report.assigned),
            finalized: Field(report.finalized),
            failed: Field(report.failed),
            cancelled: Field(report.cancelled),
            workers: Field(report.workers),
            models: Field(report.models),
            policy: Field(report.policy),
            comparator: Field(report.comparator),
        }
    }
}

impl From<TaskTypeBody> for TaskTypeReport {
    fn from(body: TaskTypeBody) -> Self {
        let mut report = Self::new(body.task_type.0, body.policy.0, body.comparator.0);
        report.queued = body.queued.0;
        report.assigned = body.assigned.0;
        report.finalized = body.finalized.0;
        report.failed = body.failed.0;
        report.cancelled = body.cancelled.0;
        report.workers = body.workers.0;
        report.models = body.models.0;
        report
    }
}
