use ai_market_core::confidence::Confidence;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{Tally, TallyGroup, TallyRow};
use poem_openapi::Object;
use serde::{Deserialize, Deserializer, Serialize};

use super::model::{Model, ShownModel};
use super::{Field, Seconds};

/// How somebody or something did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Tally")]
pub(crate) struct TallyBody {
    /// What the policy paid: usually one for each answer that agreed with the final label.
    points: Field<i64>,
    /// How many answers were accepted in time.
    submissions: Field<u64>,
    /// How many came after the decision and were kept.
    late: Field<u64>,
    /// How many, in time or late, agree with the final label of their task.
    agreements: Field<u64>,
    /// How many do not.
    disagreements: Field<u64>,
    /// The share of those that agree; null where there are none.
    #[serde(default)]
    agreement: Field<Option<Confidence>>,
    /// How many leases were lost.
    lost_leases: Field<u64>,
    /// How many answers are known to have taken how long.
    timed: Field<u64>,
    /// How long those took on average, from the claim on; null where there are none.
    #[serde(default)]
    mean_latency_seconds: Field<Option<Seconds>>,
}

impl From<Tally> for TallyBody {
    fn from(tally: Tally) -> Self {
        Self {
            points: Field(tally.points),
            submissions: Field(tally.submissions),
            late: Field(tally.late),
            agreements: Field(tally.agreements),
            disagreements: Field(tally.disagreements),
            agreement: Field(tally.agreement().map(Confidence::saturating)),
            lost_leases: Field(tally.lost),
            timed: Field(tally.timed),
            mean_latency_seconds: Field(tally.mean_latency().map(Seconds)),
        }
    }
}

impl From<TallyBody> for Tally {
    /// The sum of all latencies comes back as exact as their mean is.
    fn from(body: TallyBody) -> Self {
        let mut tally = Self::default();
        tally.points = body.points.0;
        tally.submissions = body.submissions.0;
        tally.late = body.late.0;
        tally.agreements = body.agreements.0;
        tally.disagreements = body.disagreements.0;
        tally.lost = body.lost_leases.0;
        if let Some(mean) = body.mean_latency_seconds.0 {
            tally.timed = body.timed.0;
            let timed = u32::try_from(tally.timed).unwrap_or(u32::MAX);
            tally.latency = mean.0.saturating_mul(timed);
        }
        tally
    }
}

/// How a worker, a model or a task type did; what was summed over is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "TallyEntry")]
pub(crate) struct TallyEntry {
    /// The worker.
    #[serde(default, skip_serializing_if = "no_worker")]
    worker_id: Field<Option<WorkerId>>,
    /// The model; null is that of the answers that do not say theirs.
    #[serde(
        default,
        skip_serializing_if = "no_model",
        deserialize_with = "present"
    )]
    model: Field<Option<Option<ShownModel>>>,
    /// The task type.
    #[serde(default, skip_serializing_if = "no_type")]
    task_type: Field<Option<TaskType>>,
    #[serde(flatten)]
    #[oai(flatten)]
    tally: TallyBody,
}

fn no_worker(field: &Field<Option<WorkerId>>) -> bool {
    field.0.is_none()
}

fn no_model(field: &Field<Option<Option<ShownModel>>>) -> bool {
    field.0.is_none()
}

fn no_type(field: &Field<Option<TaskType>>) -> bool {
    field.0.is_none()
}

/// A null is said here, and not the same as being absent.
fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Field<Option<Option<ShownModel>>>, D::Error> {
    Option::deserialize(deserializer).map(|model| Field(Some(model)))
}

impl From<TallyRow> for TallyEntry {
    fn from(row: TallyRow) -> Self {
        let model = row.group.model;
        Self {
            worker_id: Field(row.group.worker),
            model: Field(model.map(|model| model.map(|model| ShownModel(Model(model))))),
            task_type: Field(row.group.task_type),
            tally: row.tally.into(),
        }
    }
}

impl From<TallyEntry> for TallyRow {
    fn from(entry: TallyEntry) -> Self {
        let mut group = TallyGroup::new();
        group.worker = entry.worker_id.0;
        let model = entry.model.0;
        group.model = model.map(|model| model.map(|model| model.0.0));
        group.task_type = entry.task_type.0;
        Self::new(group, entry.tally.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_round_trip_and_a_model_that_nobody_names_is_no_absent_one() {
        let mut tally = Tally::default();
        tally.count_answer(false, Duration::from_millis(1_500));
        tally.count_answer(true, Duration::from_millis(500));
        tally.count_agreement(true);
        let task_type = TaskType::new("ner").unwrap();
        for group in [
            TallyGroup::new().with_model(None),
            TallyGroup::new().with_task_type(task_type),
            TallyGroup::new().with_worker(WorkerId::new("zoë").unwrap()),
        ] {
            let row = TallyRow::new(group, tally);
            let json = serde_json::to_string(&TallyEntry::from(row.clone())).unwrap();
            let read: TallyEntry = serde_json::from_str(&json).unwrap();
            assert_eq!(TallyRow::from(read), row, "{json}");
        }
    }
}
