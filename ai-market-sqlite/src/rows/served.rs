use std::collections::BTreeMap;

use ai_market_core::id::TaskType;
use ai_market_core::store::{Absence, WorkerModel, WorkerRow};

use crate::data::counter::{GONE, MODELS_OF_TYPE, SERVING_TYPE};
use crate::data::{json, model_key};
use crate::error::Error;
use crate::sql::statements::{
    AddToServed, AddToServedLabels, DeleteServed, DeleteServedLabels, InsertServed,
    InsertServedLabels,
};
use crate::writer::Session;

impl Session {
    /// Keeps up who serves which types with which models, and how many workers are gone.
    pub(super) fn update_served(
        &mut self,
        before: Option<&WorkerRow>,
        now: &WorkerRow,
    ) -> Result<(), Error> {
        let is_gone = |row: &WorkerRow| row.absence == Absence::Gone;
        let gone = i64::from(is_gone(now)) - i64::from(before.is_some_and(is_gone));
        self.count_own(GONE, None, gone);
        let before: BTreeMap<_, _> = before.into_iter().flat_map(WorkerRow::serves).collect();
        let now: BTreeMap<_, _> = now.serves().collect();
        for (task_type, model) in &before {
            if now.get(task_type) != Some(model) {
                self.serve(task_type, *model, -1)?;
            }
        }
        for (task_type, model) in &now {
            if before.get(task_type) != Some(model) {
                self.serve(task_type, *model, 1)?;
            }
        }
        Ok(())
    }

    /// Counts a worker more or less that serves a type with a model.
    fn serve(
        &mut self,
        task_type: &TaskType,
        model: Option<&WorkerModel>,
        by: i64,
    ) -> Result<(), Error> {
        let key = model_key(model.map(|model| &model.identity));
        let key = key.as_str();
        let mut models = 0;
        if self.db.execute::<AddToServed>((by, key, task_type))? == 0 {
            models += self.db.execute::<InsertServed>((by, key, task_type))?;
        }
        let left = by < 0 && self.db.execute::<DeleteServed>((key, task_type))? > 0;
        let labels = model.map_or(&[][..], |model| &model.labels);
        if !labels.is_empty() {
            let labels = json("labels", &labels)?;
            let labels = labels.as_str();
            let row = (by, key, task_type, labels);
            if self.db.execute::<AddToServedLabels>(row)? == 0 {
                self.db.execute::<InsertServedLabels>(row)?;
            }
            if by < 0 {
                let row = (key, task_type, labels);
                self.db.execute::<DeleteServedLabels>(row)?;
            }
        }
        if model.is_some() {
            let models = i64::from(models > 0) - i64::from(left);
            self.count_own(MODELS_OF_TYPE, Some(task_type), models);
        }
        self.count_own(SERVING_TYPE, Some(task_type), by);
        Ok(())
    }
}
