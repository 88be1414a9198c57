use std::collections::BTreeMap;

use crate::consensus::Standings;
use crate::id::TaskType;

use super::{WorkerModel, WorkerProfile};

/// How many workers serve a task type with a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Serving {
    /// The task type.
    pub task_type: TaskType,
    /// The model as it was registered; `None` for workers that did not say.
    pub model: Option<WorkerModel>,
    /// Workers that were seen, have not been declared gone since, and are not suspended for it.
    pub workers: u64,
}

impl Serving {
    /// So many `workers` serve `task_type` with `model`.
    #[must_use]
    pub const fn new(task_type: TaskType, model: Option<WorkerModel>, workers: u64) -> Self {
        Self {
            task_type,
            model,
            workers,
        }
    }
}

/// Counts which workers serve which task types.
#[derive(Debug, Default)]
pub(crate) struct ServingCounts(BTreeMap<(TaskType, Option<WorkerModel>), u64>);

impl ServingCounts {
    /// Counts a worker that is here, with how far it is trusted.
    pub(crate) fn add(&mut self, profile: &WorkerProfile, standings: &Standings) {
        for task_type in standings.allowed(&profile.capabilities) {
            let model = profile.model_of(task_type).cloned();
            *self.0.entry((task_type.clone(), model)).or_default() += 1;
        }
    }

    /// The counts, ordered by type and model.
    pub(crate) fn into_serving(self) -> Vec<Serving> {
        let counts = self.0.into_iter();
        counts
            .map(|((task_type, model), workers)| Serving::new(task_type, model, workers))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::{Standing, StandingCause, StandingEntry};
    use crate::id::{Label, WorkerId};
    use crate::submission::ModelIdentity;
    use crate::time::Timestamp;

    fn model(id: &str) -> WorkerModel {
        WorkerModel::new(ModelIdentity::new(id).unwrap())
    }

    #[test]
    fn workers_are_counted_by_type_and_registered_model() {
        let (ner, sentiment) = (TaskType::new("ner").unwrap(), TaskType::sentiment());
        let known = model("m").with_labels(vec![Label::new("x").unwrap()]);
        let both = [ner.clone(), sentiment.clone()];
        let able = |name| WorkerProfile::new(WorkerId::new(name).unwrap(), both.clone());
        let able = |name| {
            able(name)
                .with_model(known.clone())
                .with_model_for(ner.clone(), model("n"))
        };
        let plain = WorkerProfile::new(WorkerId::new("carole").unwrap(), [sentiment.clone()]);
        let mut suspended = Standings::default();
        let reason = "spam".to_owned();
        let standing = Standing::Suspended { reason };
        let now = Timestamp::from_micros(0);
        let entry = StandingEntry::new(standing, StandingCause::Hand, now);
        suspended.set(Some(ner.clone()), Some(entry));

        let mut counts = ServingCounts::default();
        counts.add(&able("alice"), &Standings::default());
        counts.add(&able("bob"), &suspended);
        counts.add(&plain, &Standings::default());
        let expected = [
            Serving::new(ner, Some(model("n")), 1),
            Serving::new(sentiment.clone(), None, 1),
            Serving::new(sentiment, Some(known), 2),
        ];
        assert_eq!(counts.into_serving(), expected);
    }
}
