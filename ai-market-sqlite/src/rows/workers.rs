use std::sync::Arc;

use ai_market_core::id::WorkerId;
use ai_market_core::store::{Absence, WorkerRow};
use ai_market_core::time::Timestamp;

use crate::data::counter::GONE;
use crate::data::{json, limit, micros, name};
use crate::error::Error;
use crate::sql::statements::{DeleteWorker, PutWorker, UnusedWorkers};
use crate::writer::{MAX_REMEMBERED, Session};

impl Session {
    /// A worker.
    pub(crate) fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>, Error> {
        if let Some(known) = self.workers.get(id) {
            return Ok(Some(Arc::clone(known)));
        }
        let row = self.db.worker_row(id)?.map(Arc::new);
        if let Some(row) = &row {
            self.remember_worker(row);
        }
        Ok(row)
    }

    /// At most `limit` workers that can be deleted and were last heard of before a time.
    pub(crate) fn workers_unused(
        &mut self,
        before: Timestamp,
        at_most: usize,
    ) -> Result<Vec<WorkerId>, Error> {
        // What the group did for some of them is not written yet.
        let rows_at_most = at_most.saturating_add(self.count_changed_workers());
        let binds = (micros(before), limit(rows_at_most));
        let rows = self.db.rows::<UnusedWorkers, (String,), _>(binds)?;
        let workers = rows.into_iter().map(|(id,)| name("a worker id", id));
        let workers: Vec<WorkerId> = workers.collect::<Result<_, _>>()?;
        let unused = workers.into_iter().filter(|id| !self.has_changed(id));
        Ok(unused.take(at_most).collect())
    }

    /// Deletes a worker that is gone and never did anything.
    pub(crate) fn delete_worker(&mut self, id: &WorkerId) -> Result<(), Error> {
        self.workers.remove(id);
        self.db.change::<DeleteWorker>("a worker", (id,))?;
        self.count_own(GONE, None, -1);
        Ok(())
    }

    fn remember_worker(&mut self, row: &Arc<WorkerRow>) {
        if self.workers.len() >= MAX_REMEMBERED {
            self.workers.clear();
        }
        self.workers.insert(row.id().clone(), Arc::clone(row));
    }

    /// Inserts or writes a worker. One that appears is seen now.
    pub(crate) fn put_worker(&mut self, row: &Arc<WorkerRow>) -> Result<(), Error> {
        let before = self.worker(row.id())?;
        let present = |row: &WorkerRow| row.absence == Absence::Present;
        let appears = present(row) && !before.as_deref().is_some_and(present);
        let now = micros(self.now());
        let profile = &row.profile;
        let model = profile.model.as_ref();
        let model = model.map(|model| json("a model", model)).transpose()?;
        self.db.execute::<PutWorker>((
            &profile.worker,
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            json("capabilities", &profile.capabilities)?.as_str(),
            model.as_deref(),
            json("models", &profile.models)?.as_str(),
            i64::from(row.absence >= Absence::Stale),
            i64::from(row.absence == Absence::Gone),
            now,
            if appears { now } else { i64::MIN },
        ))?;
        self.update_served(before.as_deref(), row)?;
        let standings = before.map(|before| before.standings.clone());
        let standings = standings.unwrap_or_default();
        if standings != row.standings {
            self.db
                .update_standings(row.id(), &standings, &row.standings)?;
        }
        self.remember_worker(row);
        Ok(())
    }
}
