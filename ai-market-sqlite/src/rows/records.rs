use ai_market_core::consensus::{RecordChange, TrackRecord};
use ai_market_core::id::{TaskType, WorkerId};

use crate::data::{from_json, name};
use crate::error::Error;
use crate::sql::statements::{PriorOf, RecordOf, RecordTypesOf};
use crate::writer::Session;

impl Session {
    /// What is known of a worker's answers to tasks of a type; without a worker, of all answers.
    pub(crate) fn record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
    ) -> Result<TrackRecord, Error> {
        let mut changed = self.changed_records();
        if let Some(record) = changed.find_map(|records| records.get(task_type, worker)) {
            return Ok(record.clone());
        }
        drop(changed);
        if self.is_wiped() {
            return Ok(TrackRecord::default());
        }
        if let Some(record) = self.records.get(task_type, worker) {
            return Ok(record.clone());
        }
        let row = match worker {
            Some(worker) => self.db.row::<RecordOf, (String,), _>((task_type, worker))?,
            None => self.db.row::<PriorOf, (String,), _>((task_type,))?,
        };
        let record: TrackRecord = match row {
            Some((json,)) => from_json("a track record", &json)?,
            None => TrackRecord::default(),
        };
        self.make_room_for_records(1);
        self.records.set(task_type, worker, record.clone());
        Ok(record)
    }

    /// Adds to a track record.
    pub(crate) fn add_to_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        change: &RecordChange,
    ) -> Result<(), Error> {
        if let Some(record) = self.job_records().get_mut(task_type, worker) {
            record.apply(change);
            return Ok(());
        }
        let mut record = self.record(task_type, worker)?;
        record.apply(change);
        self.job_records().set(task_type, worker, record);
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
        for records in self.changed_records() {
            types.extend(records.types_of(worker).cloned());
        }
        types.sort_unstable();
        types.dedup();
        Ok(types)
    }
}
