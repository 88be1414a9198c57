use ai_market_core::id::TaskType;
use ai_market_core::store::{ModelQuery, ModelReport, Tally};

use crate::data::{Sum, SumColumns, after_model, count, from_json, model_of_key, name, tally};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{ServedLabels, ServedModel, ServedTypes, SumsOf, TalliedModel};

impl Connection {
    /// A page of models.
    pub(crate) fn models(&mut self, query: &ModelQuery) -> Result<Vec<ModelReport>, Error> {
        let after = query.after.as_ref();
        let mut from = after.map_or_else(String::new, |after| after_model(after.as_ref()));
        let mut page = Vec::new();
        while page.len() < query.limit {
            let tallied = self.row::<TalliedModel, (String,), _>((from.as_str(),))?;
            let served = self.row::<ServedModel, (String,), _>((from.as_str(),))?;
            let Some((key,)) = tallied.into_iter().chain(served).min() else {
                break;
            };
            let report = self.model_report(&key)?;
            from = after_model(report.model.as_ref());
            page.push(report);
        }
        Ok(page)
    }

    fn model_report(&mut self, key: &str) -> Result<ModelReport, Error> {
        let mut report = ModelReport::new(model_of_key(key)?);
        for (task_type, tally) in self.sums_of(Sum::Model(key, None))? {
            match task_type {
                None => report.tally = tally,
                Some(task_type) => report.task_type(&task_type).tally = tally,
            }
        }
        for (task_type, workers) in self.rows::<ServedTypes, (String, i64), _>((key,))? {
            let task_type: TaskType = name("a task type", task_type)?;
            let labels = self.row::<ServedLabels, (String,), _>((key, &task_type))?;
            let place = report.task_type(&task_type);
            place.workers = count("a number of workers", workers)?;
            if let Some((labels,)) = labels {
                place.labels = from_json("labels", &labels)?;
            }
        }
        Ok(report)
    }

    /// The tallies of a name that are summed up over workers: of all types, and of each.
    pub(super) fn sums_of(&mut self, of: Sum<'_>) -> Result<Vec<(Option<TaskType>, Tally)>, Error> {
        let (kind, key, _) = of.row();
        let rows = self.rows::<SumsOf, (String, SumColumns), _>((kind, key))?;
        let sums = rows.into_iter().map(|(task_type, columns)| {
            let task_type = match task_type.as_str() {
                "" => None,
                _ => Some(name("a task type", task_type)?),
            };
            Ok((task_type, tally(columns)?))
        });
        sums.collect()
    }
}
