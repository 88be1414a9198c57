use std::collections::HashMap;

use ai_market_core::consensus::TrackRecord;
use ai_market_core::id::{TaskType, WorkerId};

/// Track records by task type and worker; without a worker, that of the type as a whole.
#[derive(Debug, Default)]
pub(crate) struct Records {
    types: HashMap<TaskType, TypeRecords>,
    len: usize,
}

#[derive(Debug, Default)]
struct TypeRecords {
    whole: Option<TrackRecord>,
    workers: HashMap<WorkerId, TrackRecord>,
}

impl Records {
    pub(crate) fn get(
        &self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
    ) -> Option<&TrackRecord> {
        let records = self.types.get(task_type)?;
        match worker {
            Some(worker) => records.workers.get(worker),
            None => records.whole.as_ref(),
        }
    }

    pub(crate) fn get_mut(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
    ) -> Option<&mut TrackRecord> {
        let records = self.types.get_mut(task_type)?;
        match worker {
            Some(worker) => records.workers.get_mut(worker),
            None => records.whole.as_mut(),
        }
    }

    pub(crate) fn set(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: TrackRecord,
    ) {
        // Not by `entry`, which would need a copy of the type each time.
        if !self.types.contains_key(task_type) {
            self.types.insert(task_type.clone(), TypeRecords::default());
        }
        let Some(records) = self.types.get_mut(task_type) else {
            return;
        };
        let before = match worker {
            Some(worker) => records.workers.insert(worker.clone(), record),
            None => records.whole.replace(record),
        };
        self.len += usize::from(before.is_none());
    }

    /// How many records there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The task types for which there is a record of a worker.
    pub(crate) fn types_of(&self, worker: &WorkerId) -> impl Iterator<Item = &TaskType> {
        let types = self.types.iter();
        let types = types.filter(|(_, records)| records.workers.contains_key(worker));
        types.map(|(task_type, _)| task_type)
    }

    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (&TaskType, Option<&WorkerId>, &TrackRecord)> {
        self.types.iter().flat_map(|(task_type, records)| {
            let whole = records.whole.iter().map(|record| (None, record));
            let workers = records.workers.iter();
            let workers = workers.map(|(worker, record)| (Some(worker), record));
            let all = whole.chain(workers);
            all.map(move |(worker, record)| (task_type, worker, record))
        })
    }

    /// Takes over later records.
    pub(super) fn merge(&mut self, later: Self) {
        for (task_type, later) in later.types {
            let records = self.types.entry(task_type).or_default();
            let before = records.workers.len() + usize::from(records.whole.is_some());
            records.workers.extend(later.workers);
            records.whole = later.whole.or_else(|| records.whole.take());
            let now = records.workers.len() + usize::from(records.whole.is_some());
            self.len += now - before;
        }
    }
}
