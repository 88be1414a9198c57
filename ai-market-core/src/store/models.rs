use std::collections::BTreeMap;

use crate::id::{Label, TaskType};
use crate::submission::ModelIdentity;

use super::{ServingCounts, Tally};

/// A page of models, ordered by identity; the answers and workers that do not say theirs come first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelQuery {
    /// Only models after this one: where the page before ended.
    pub after: Option<Option<ModelIdentity>>,
    /// At most so many.
    pub limit: usize,
}

impl ModelQuery {
    /// The first `limit` models.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Only models after `model`.
    #[must_use]
    pub fn after(mut self, model: Option<ModelIdentity>) -> Self {
        self.after = Some(model);
        self
    }

    /// The page of all models that the query asks for.
    ///
    /// It is for stores that read all tallies and workers; one with indexes reads the page alone.
    #[must_use]
    pub fn page<'a>(
        &self,
        tallies: impl IntoIterator<Item = (Option<&'a ModelIdentity>, &'a TaskType, &'a Tally)>,
        serving: &ServingCounts,
    ) -> Vec<ModelReport> {
        let mut models: BTreeMap<Option<ModelIdentity>, ModelReport> = BTreeMap::new();
        let mut report = |model: Option<&ModelIdentity>, then: &mut dyn FnMut(&mut ModelReport)| {
            let model = model.cloned();
            if self.after.as_ref().is_none_or(|after| model > *after) {
                let new = || ModelReport::new(model.clone());
                then(models.entry(model.clone()).or_insert_with(new));
            }
        };
        for (model, task_type, tally) in tallies {
            report(model, &mut |report| {
                report.tally.add(tally);
                report.task_type(task_type).tally.add(tally);
            });
        }
        for (task_type, model, workers) in serving.iter() {
            let identity = model.map(|model| &model.identity);
            report(identity, &mut |report| {
                let place = report.task_type(task_type);
                place.workers += workers;
                if let Some(model) = model
                    && place.labels.is_empty()
                {
                    place.labels.clone_from(&model.labels);
                }
            });
        }
        models.into_values().take(self.limit).collect()
    }
}

/// A model with who runs it and how it did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelReport {
    /// The model; `None` is that of the workers and answers that do not say theirs.
    pub model: Option<ModelIdentity>,
    /// How it is used and did, by task type, in their order.
    pub task_types: Vec<ModelTaskType>,
    /// How it did in all.
    pub tally: Tally,
}

/// A model on tasks of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelTaskType {
    /// The type.
    pub task_type: TaskType,
    /// How many workers that are here serve the type with it.
    pub workers: u64,
    /// The labels that it can give, as one of those workers registered it; empty where none of them
    /// is here, or for free text.
    pub labels: Vec<Label>,
    /// How it did.
    pub tally: Tally,
}

impl ModelReport {
    /// A model that nobody runs and that did nothing yet.
    #[must_use]
    pub fn new(model: Option<ModelIdentity>) -> Self {
        Self {
            model,
            task_types: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// The model's place for a type, made where it has none.
    pub fn task_type(&mut self, task_type: &TaskType) -> &mut ModelTaskType {
        let found = self
            .task_types
            .binary_search_by(|known| known.task_type.cmp(task_type));
        let place = found.unwrap_or_else(|place| {
            let new = ModelTaskType {
                task_type: task_type.clone(),
                workers: 0,
                labels: Vec::new(),
                tally: Tally::default(),
            };
            self.task_types.insert(place, new);
            place
        });
        &mut self.task_types[place]
    }
}
