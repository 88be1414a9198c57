use std::collections::{BTreeMap, BTreeSet};

use crate::consensus::Standings;
use crate::id::TaskType;

use super::{Absence, WorkerModel, WorkerProfile, WorkerRow};

/// Counts which workers serve which task types with which models.
///
/// A worker serves a type that it can do while it has not been declared gone and is not suspended for
/// the type. It is for stores that read all workers; one with indexes keeps counts.
#[derive(Debug, Clone, Default)]
pub struct ServingCounts(BTreeMap<TaskType, BTreeMap<Option<WorkerModel>, u64>>);

impl ServingCounts {
    /// Counts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a worker that has not been declared gone, with how far it is trusted.
    pub fn add(&mut self, profile: &WorkerProfile, standings: &Standings) {
        for task_type in standings.allowed(&profile.capabilities) {
            let model = profile.model_of(task_type).cloned();
            let models = self.0.entry(task_type.clone()).or_default();
            *models.entry(model).or_default() += 1;
        }
    }

    /// The types that somebody serves, by name.
    pub fn task_types(&self) -> impl Iterator<Item = &TaskType> {
        self.0.keys()
    }

    /// How many workers serve a type.
    #[must_use]
    pub fn workers(&self, task_type: &TaskType) -> u64 {
        let models = self.0.get(task_type).into_iter();
        models.flat_map(BTreeMap::values).sum()
    }

    /// With how many different models a type is served, as far as workers say.
    #[must_use]
    pub fn models(&self, task_type: &TaskType) -> u64 {
        let models = self.0.get(task_type).into_iter();
        let models = models.flat_map(BTreeMap::keys).flatten();
        let models: BTreeSet<_> = models.map(|model| &model.identity).collect();
        models.len() as u64
    }

    /// Types with the models that serve them, and how many workers do.
    pub fn iter(&self) -> impl Iterator<Item = (&TaskType, Option<&WorkerModel>, u64)> {
        self.0.iter().flat_map(|(task_type, models)| {
            let models = models.iter();
            models.map(move |(model, n)| (task_type, model.as_ref(), *n))
        })
    }
}

impl WorkerRow {
    /// The types that the worker serves, with the models as it registered them.
    pub fn serves(&self) -> impl Iterator<Item = (&TaskType, Option<&WorkerModel>)> {
        let here = (self.absence != Absence::Gone).then_some(&self.profile);
        let here = here.into_iter();
        here.flat_map(|profile| {
            let allowed = self.standings.allowed(&profile.capabilities);
            allowed.map(|task_type| (task_type, profile.model_of(task_type)))
        })
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
        let new = model("n");
        let expected = [
            (&ner, Some(&new), 1),
            (&sentiment, None, 1),
            (&sentiment, Some(&known), 2),
        ];
        assert!(counts.iter().eq(expected), "{counts:?}");
        assert_eq!(
            (counts.workers(&sentiment), counts.models(&sentiment)),
            (3, 1)
        );
    }
}
