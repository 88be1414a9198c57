use std::sync::Arc;
use std::time::Duration;

use ai_market_core::consensus::TrackRecord;
use ai_market_core::event::Event;
use ai_market_core::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, KeyValue, LeaseRow, LossRow, ServiceRow, SilentWorker, Transaction,
    TransactionError, WorkerRow,
};
use ai_market_core::submission::Submission;
use ai_market_core::task::Task;
use ai_market_core::time::Timestamp;

use crate::data::{count, limit, micros, name, task_id, time};
use crate::error::Error;
use crate::sql::statements::{
    DeleteBytes, DeleteLease, GetBytes, GoneSeenAtMost, GoneWorkers, LossesOf, OverdueLeases,
    OverdueTasks, PutBytes, PutLoss, QuietWorkers, ReapedAt, ScanBytes, SeenAtMost, SetReapedAt,
    ShiftLeases, SilentWorkers, TaskByName,
};

use super::Session;

type Result<T> = std::result::Result<T, TransactionError>;

/// The longest time that leases are extended by: far more than a timestamp holds, and far from where
/// a sum of two would no longer fit SQLite's integers.
const LONGEST_SHIFT: i64 = 1 << 60;

/// Everything but the space of events, children before parents, so that no foreign key is looked up
/// for a row that is deleted.
const CLEAR: &str = "
    DELETE FROM votes;
    DELETE FROM losses;
    DELETE FROM leases;
    DELETE FROM idempotency_keys;
    DELETE FROM tallies;
    DELETE FROM sums;
    DELETE FROM served;
    DELETE FROM served_labels;
    DELETE FROM standings;
    DELETE FROM track_records;
    DELETE FROM priors;
    DELETE FROM tasks;
    DELETE FROM inputs;
    DELETE FROM outcomes;
    DELETE FROM models;
    DELETE FROM workers;
    DELETE FROM counters;
    DELETE FROM events;
    DELETE FROM bytes;
    UPDATE meta SET reaped_at = NULL, serving_since = NULL;
";

impl Transaction for Session {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>> {
        let task = self.db.task(id)?;
        if let Some(task) = &task {
            self.remember_status(task);
        }
        Ok(task)
    }

    fn task_named(&mut self, key: &IdempotencyKey) -> Result<Option<TaskId>> {
        let row = self.db.row::<TaskByName, (Vec<u8>,), _>((key,))?;
        Ok(row.map(|(id,)| task_id(&id)).transpose()?)
    }

    fn insert_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<()> {
        Ok(self.write_new_task(task, claim, name)?)
    }

    fn update_task(&mut self, task: &Task, claim: Option<ClaimKey>) -> Result<()> {
        Ok(self.write_task(task, claim)?)
    }

    fn tasks_overdue(&mut self, at_most: usize) -> Result<Vec<TaskId>> {
        let binds = (micros(self.now), limit(at_most));
        let rows = self.db.rows::<OverdueTasks, (Vec<u8>,), _>(binds)?;
        let ids = rows.iter().map(|(id,)| task_id(id));
        Ok(ids.collect::<std::result::Result<_, _>>()?)
    }

    fn claimable_after(&mut self, query: &ClaimableQuery) -> Result<ClaimablePage> {
        Ok(self.find_claimable(query)?)
    }

    fn claimable_at(&mut self, claimant: &Claimant, keys: &[ClaimKey]) -> Result<Vec<Candidate>> {
        Ok(self.look_at_claimable(claimant, keys)?)
    }

    fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>> {
        Ok(Session::closed_tasks(self, query)?)
    }

    fn delete_task(&mut self, id: TaskId) -> Result<bool> {
        Ok(Session::delete_task(self, id)?)
    }

    fn open_tasks(&mut self) -> Result<u64> {
        Ok(Session::open_tasks(self)?)
    }

    fn votes(&mut self, task: TaskId) -> Result<Vec<Submission>> {
        Ok(self.db.votes_on(task)?)
    }

    fn insert_vote(&mut self, task: TaskId, vote: &Submission) -> Result<()> {
        Ok(self.write_vote(task, vote)?)
    }

    fn lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<Option<LeaseRow>> {
        Ok(self.lease_of(task, worker)?)
    }

    fn leases(&mut self, task: TaskId) -> Result<Vec<LeaseRow>> {
        Ok(self.leases_on(task)?)
    }

    fn leases_held(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, LeaseRow)>> {
        Ok(self.held_by(worker)?)
    }

    fn count_held(&mut self, worker: &WorkerId) -> Result<usize> {
        Ok(usize::try_from(self.db.held_count(worker)?).unwrap_or(usize::MAX))
    }

    fn put_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<()> {
        Ok(self.write_lease(task, lease)?)
    }

    fn delete_lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<bool> {
        Ok(self.db.execute::<DeleteLease>((task, worker))? > 0)
    }

    fn leases_overdue(&mut self, at_most: usize) -> Result<Vec<(TaskId, WorkerId)>> {
        let binds = (micros(self.now), limit(at_most));
        let rows = self.db.rows::<OverdueLeases, (Vec<u8>, String), _>(binds)?;
        let leases = rows.into_iter().map(|(task, worker)| {
            let worker = name("a worker id", worker)?;
            Ok::<_, Error>((task_id(&task)?, worker))
        });
        Ok(leases.collect::<std::result::Result<_, _>>()?)
    }

    fn shift_leases(&mut self, by: Duration, latest: Timestamp) -> Result<()> {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        let by = by.min(LONGEST_SHIFT);
        let now = micros(self.now);
        self.db
            .execute::<ShiftLeases>((by, micros(latest), by, now))?;
        self.db.execute::<SeenAtMost>((now, now))?;
        self.db.execute::<GoneSeenAtMost>((now, now))?;
        Ok(())
    }

    fn losses(&mut self, task: TaskId) -> Result<Vec<LossRow>> {
        type Row = (String, Option<String>, i64);
        let rows = self.db.rows::<LossesOf, Row, _>((task,))?;
        let losses = rows.into_iter().map(|(worker, owner, n)| {
            let worker = name("a worker id", worker)?;
            let owner = owner.map(|owner| name("an owner", owner)).transpose()?;
            let n = count("a number of lost leases", n)?;
            Ok::<_, Error>(LossRow::new(worker, owner, n))
        });
        Ok(losses.collect::<std::result::Result<_, _>>()?)
    }

    fn put_loss(&mut self, task: TaskId, loss: &LossRow) -> Result<()> {
        let owner = loss.owner.as_ref().map(AsRef::as_ref);
        self.db
            .execute::<PutLoss>((task, &loss.worker, owner, i64::from(loss.count)))?;
        Ok(())
    }

    fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>> {
        Ok(Session::worker(self, id)?)
    }

    fn put_worker(&mut self, worker: &Arc<WorkerRow>) -> Result<()> {
        Ok(Session::put_worker(self, worker)?)
    }

    fn workers_silent(
        &mut self,
        absence: Absence,
        silence: Duration,
        at_most: usize,
    ) -> Result<Vec<SilentWorker>> {
        let before = self.now.minus(silence);
        // What the group did so far is not in the table yet, so as many rows may fall away.
        let rows_at_most = at_most.saturating_add(self.count_heard());
        let binds = (micros(before), limit(rows_at_most));
        let rows: Vec<(String, i64, Option<i64>)> = match absence {
            Absence::Present => self.db.rows::<QuietWorkers, _, _>(binds)?,
            Absence::Stale => self.db.rows::<SilentWorkers, _, _>(binds)?,
            Absence::Gone => {
                let mut rows: Vec<_> = self.db.rows::<SilentWorkers, _, _>(binds)?;
                let gone: Vec<(String, i64, _)> = self.db.rows::<GoneWorkers, _, _>(binds)?;
                rows.extend(gone);
                rows.sort_unstable_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
                rows
            }
        };
        let mut silent = Vec::with_capacity(rows.len());
        for (worker, _, last_heartbeat) in rows {
            let worker: WorkerId = name("a worker id", worker)?;
            let (seen, beat) = self.heard(&worker);
            if seen.is_none_or(|seen| seen < before) {
                let beats = last_heartbeat.is_some() || beat.is_some();
                silent.push(SilentWorker::new(worker, beats));
            }
        }
        silent.truncate(at_most);
        Ok(silent)
    }

    fn workers_unused(&mut self, silence: Duration, limit: usize) -> Result<Vec<WorkerId>> {
        let before = self.now().minus(silence);
        Ok(Session::workers_unused(self, before, limit)?)
    }

    fn delete_worker(&mut self, id: &WorkerId) -> Result<()> {
        Ok(Session::delete_worker(self, id)?)
    }

    fn record(&mut self, task_type: &TaskType, worker: Option<&WorkerId>) -> Result<TrackRecord> {
        Ok(Session::record(self, task_type, worker)?)
    }

    fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: &TrackRecord,
    ) -> Result<()> {
        self.job_records().set(task_type, worker, record.clone());
        Ok(())
    }

    fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>> {
        Ok(Session::record_types(self, worker)?)
    }

    fn add(&mut self, addition: Addition<'_>) -> Result<()> {
        match addition {
            Addition::Count(counter, by) => self.job.counts.count(counter, by),
            Addition::Seen(worker) => self.job.seen(worker, self.now),
            Addition::Heartbeat(worker) => self.job.beat(worker, self.now),
            Addition::Tally {
                worker,
                task_type,
                model,
                by,
            } => {
                let model = self.model_number(model)?;
                self.job.add_to_tally(worker, task_type, model, by);
            }
            Addition::Record {
                worker,
                task_type,
                change,
            } => self.add_to_record(task_type, worker, change)?,
        }
        Ok(())
    }

    fn service(&mut self) -> Result<ServiceRow> {
        let row = self.db.row::<ReapedAt, (Option<i64>, Option<i64>), _>(())?;
        let (reaped_at, since) = row.unwrap_or_default();
        Ok(ServiceRow::new(reaped_at.map(time), since.map(time)))
    }

    fn set_service(&mut self, service: ServiceRow) -> Result<()> {
        let binds = (service.reaped_at.map(micros), service.since.map(micros));
        self.db.execute::<SetReapedAt>(binds)?;
        Ok(())
    }

    fn log(&mut self, event: Event) -> Result<()> {
        self.job.log(event, self.now);
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let row = self.db.row::<GetBytes, (Vec<u8>,), _>((key,))?;
        Ok(row.map(|(value,)| value))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.db.execute::<PutBytes>((key, value))?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.db.execute::<DeleteBytes>((key,))?;
        Ok(())
    }

    fn scan(&mut self, from: &[u8], to: &[u8], at_most: usize) -> Result<Vec<KeyValue>> {
        let binds = (from, to, limit(at_most));
        Ok(self.db.rows::<ScanBytes, KeyValue, _>(binds)?)
    }

    fn clear(&mut self) -> Result<()> {
        self.keep_place()?;
        self.db.script(CLEAR).map_err(Error::from)?;
        self.wipe();
        Ok(())
    }
}
