use std::sync::Arc;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;

use crate::data::{json, micros, name};
use crate::error::Error;
use crate::sql::statements::{InsertWorker, RecordTypesOf, UpdateWorker};
use crate::writer::Session;

use super::tasks::one_row;

fn model_json(profile: &WorkerProfile) -> Result<Option<String>, Error> {
    let model = profile.model.as_ref();
    model.map(|model| json("a model", model)).transpose()
}

impl Session {
    /// Writes a new worker, which is present and seen now.
    pub(crate) fn write_new_worker(&mut self, profile: &Arc<WorkerProfile>) -> Result<(), Error> {
        let model = model_json(profile)?;
        self.db.execute::<InsertWorker>((
            &profile.worker,
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            json("capabilities", &profile.capabilities)?.as_str(),
            model.as_deref(),
            json("models", &profile.models)?.as_str(),
            micros(self.now()),
            micros(self.now()),
        ))?;
        self.set_profile(&profile.worker, Arc::clone(profile));
        Ok(())
    }

    /// Writes what a worker says of itself.
    pub(crate) fn write_worker(&mut self, profile: &Arc<WorkerProfile>) -> Result<(), Error> {
        let model = model_json(profile)?;
        let updated = self.db.execute::<UpdateWorker>((
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            json("capabilities", &profile.capabilities)?.as_str(),
            model.as_deref(),
            json("models", &profile.models)?.as_str(),
            &profile.worker,
        ))?;
        one_row(updated, "a worker")?;
        self.set_profile(&profile.worker, Arc::clone(profile));
        Ok(())
    }

    /// The task types for which a worker has a track record.
    pub(crate) fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>, Error> {
        let mut types = Vec::new();
        if !self.is_wiped() {
            for (task_type,) in self.db.rows::<RecordTypesOf, (String,), _>((worker,))? {
                types.push(name("a task type", task_type)?);
            }
        }
        types.extend(self.changed_record_types(worker).cloned());
        types.sort_unstable();
        types.dedup();
        Ok(types)
    }
}
