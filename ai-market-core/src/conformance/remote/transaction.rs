use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::consensus::TrackRecord;
use crate::event::Event;
use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::store::memory::transaction::MemoryTransaction;
use crate::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, KeyValue, LeaseRow, LossRow, Needs, Overdue, ServiceRow, SilentWorker, Transaction,
    TransactionError, WorkerRow,
};
use crate::submission::Submission;
use crate::task::Task;
use crate::time::Timestamp;

use super::fetched::{Fetched, FetchedOverdue};

type Result<T> = std::result::Result<T, TransactionError>;

/// A transaction that sees only what was fetched. It asks the server nothing.
#[derive(Debug)]
pub(super) struct RemoteTransaction<'a> {
    rows: MemoryTransaction<'a>,
    fetched: &'a Fetched,
    settled_before: TaskId,
}

impl<'a> RemoteTransaction<'a> {
    pub(super) const fn new(
        rows: MemoryTransaction<'a>,
        fetched: &'a Fetched,
        settled_before: TaskId,
    ) -> Self {
        Self {
            rows,
            fetched,
            settled_before,
        }
    }

    pub(super) fn into_rows(self) -> MemoryTransaction<'a> {
        self.rows
    }

    fn task_rows(&mut self, id: TaskId) -> Result<&mut MemoryTransaction<'a>> {
        let there = self.fetched.has_task(id);
        self.unless_missing(there, || Needs::new().with_tasks([id]))
    }

    /// The rows, where a worker is among them and locked.
    fn worker_rows(&mut self, worker: &WorkerId) -> Result<&mut MemoryTransaction<'a>> {
        let there = self.fetched.has_worker(worker);
        self.unless_missing(there, || Needs::new().with_workers([worker.clone()]))
    }

    fn holder_rows(&mut self, worker: &WorkerId) -> Result<&mut MemoryTransaction<'a>> {
        let there = self.fetched.has_holder(worker);
        self.unless_missing(there, || Needs::new().with_holder(worker.clone()))
    }

    fn record_rows(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
    ) -> Result<&mut MemoryTransaction<'a>> {
        match worker {
            Some(worker) => {
                let there = self.fetched.knows_record(task_type, worker);
                self.unless_missing(there, || Needs::new().with_holder(worker.clone()))
            }
            None => {
                let there = self.fetched.knows_type(task_type);
                self.unless_missing(there, || Needs::new().with_everything())
            }
        }
    }

    fn all_rows(&mut self) -> Result<&mut MemoryTransaction<'a>> {
        let there = self.fetched.everything;
        self.unless_missing(there, || Needs::new().with_everything())
    }

    fn service_rows(&mut self) -> Result<&mut MemoryTransaction<'a>> {
        let there = self.fetched.everything || self.fetched.overdue.is_some();
        self.unless_missing(there, || Needs::new().with_overdue(Overdue::new(0)))
    }

    fn unless_missing(
        &mut self,
        there: bool,
        needs: impl FnOnce() -> Needs,
    ) -> Result<&mut MemoryTransaction<'a>> {
        if there {
            Ok(&mut self.rows)
        } else {
            Err(TransactionError::missing(needs()))
        }
    }

    /// What a look-up of overdue rows found that finds at least what `query` does; `None` where
    /// every row is there.
    fn overdue(&self, query: Overdue) -> Result<Option<&'a FetchedOverdue>> {
        if self.fetched.everything {
            return Ok(None);
        }
        let reaches = |fetched: Option<Duration>, wanted: Option<Duration>| match (fetched, wanted)
        {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(fetched), Some(wanted)) => fetched <= wanted,
        };
        let overdue = self.fetched.overdue.as_ref().filter(|overdue| {
            let fetched = overdue.query;
            query.limit <= fetched.limit
                && reaches(fetched.stale_after, query.stale_after)
                && reaches(fetched.gone_after, query.gone_after)
                && reaches(fetched.unused_after, query.unused_after)
        });
        let missing = || TransactionError::missing(Needs::new().with_overdue(query));
        overdue.map(Some).ok_or_else(missing)
    }
}

impl Transaction for RemoteTransaction<'_> {
    fn now(&self) -> Timestamp {
        self.rows.now()
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>> {
        self.task_rows(id)?.task(id)
    }

    fn task_named(&mut self, name: &IdempotencyKey) -> Result<Option<TaskId>> {
        let there = self.fetched.has_name(name);
        let rows = self.unless_missing(there, || Needs::new().with_names([name.clone()]))?;
        rows.task_named(name)
    }

    fn insert_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<()> {
        if let Some(name) = name {
            self.task_named(name)?;
        }
        self.task_rows(task.id)?.insert_task(task, claim, name)
    }

    fn update_task(&mut self, task: &Task, claim: Option<ClaimKey>) -> Result<()> {
        self.task_rows(task.id)?.update_task(task, claim)
    }

    fn tasks_overdue(&mut self, limit: usize) -> Result<Vec<TaskId>> {
        let Some(overdue) = self.overdue(Overdue::new(limit))? else {
            return self.rows.tasks_overdue(limit);
        };
        let mut tasks = self.rows.tasks_overdue(usize::MAX)?;
        tasks.retain(|id| overdue.tasks.contains(id));
        tasks.truncate(limit);
        Ok(tasks)
    }

    fn claimable_after(&mut self, query: &ClaimableQuery) -> Result<ClaimablePage> {
        let mut page = if self.fetched.everything {
            self.rows.claimable_after(query)?
        } else {
            let missing = || TransactionError::missing(Needs::new().with_claim(query.clone()));
            let ranges = self.fetched.claims.get(&query.task_type);
            let range = ranges.and_then(|ranges| ranges.with(query.after));
            let range = range.ok_or_else(missing)?;
            let none = BTreeSet::new();
            let list = &self.rows.state().index.claimable;
            let list = list.get(&query.task_type).unwrap_or(&none);
            let (keys, ended) = range.page(list, query.after, query.limit);
            if keys.is_empty() && !ended {
                // Earlier steps of the transaction have taken all of them.
                return Err(missing());
            }
            let candidates = self.claimable_at(&query.claimant, &keys)?;
            ClaimablePage::new(candidates, ended)
        };
        page.settled_before = Some(self.settled_before);
        Ok(page)
    }

    fn claimable_at(&mut self, claimant: &Claimant, keys: &[ClaimKey]) -> Result<Vec<Candidate>> {
        let fetched = self.fetched;
        let unknown = |id: &TaskId| !fetched.has_task(*id) && !fetched.skipped.contains(id);
        let unknown: BTreeSet<_> = keys.iter().map(ClaimKey::id).filter(unknown).collect();
        if !unknown.is_empty() {
            let needs = Needs::new().with_candidates(unknown);
            return Err(TransactionError::missing(needs));
        }
        let mut candidates = Vec::with_capacity(keys.len());
        for key in keys {
            if fetched.has_task(key.id()) {
                candidates.extend(self.rows.claimable_at(claimant, &[*key])?);
            } else {
                candidates.push(Candidate::Skipped(*key));
            }
        }
        Ok(candidates)
    }

    fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>> {
        if self.fetched.everything {
            return self.rows.closed_tasks(query);
        }
        let missing = || TransactionError::missing(Needs::new().with_closed(*query));
        let fetched = self.fetched.closed.as_ref();
        let (_, found) = fetched.filter(|(of, _)| of == query).ok_or_else(missing)?;
        let closed = self.rows.state().closed(query);
        Ok(closed.filter(|task| found.contains(&task.id)).collect())
    }

    fn delete_task(&mut self, id: TaskId) -> Result<bool> {
        self.task_rows(id)?.delete_task(id)
    }

    fn open_tasks(&mut self) -> Result<u64> {
        self.rows.open_tasks()
    }

    fn votes(&mut self, task: TaskId) -> Result<Vec<Submission>> {
        self.task_rows(task)?.votes(task)
    }

    fn insert_vote(&mut self, task: TaskId, vote: &Submission) -> Result<()> {
        self.task_rows(task)?.insert_vote(task, vote)
    }

    fn lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<Option<LeaseRow>> {
        self.task_rows(task)?.lease(task, worker)
    }

    fn leases(&mut self, task: TaskId) -> Result<Vec<LeaseRow>> {
        self.task_rows(task)?.leases(task)
    }

    fn leases_held(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, LeaseRow)>> {
        self.holder_rows(worker)?.leases_held(worker)
    }

    fn count_held(&mut self, worker: &WorkerId) -> Result<usize> {
        self.worker_rows(worker)?.count_held(worker)
    }

    fn put_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<()> {
        self.task_rows(task)?.put_lease(task, lease)
    }

    fn delete_lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<bool> {
        self.task_rows(task)?.delete_lease(task, worker)
    }

    fn leases_overdue(&mut self, limit: usize) -> Result<Vec<(TaskId, WorkerId)>> {
        let Some(overdue) = self.overdue(Overdue::new(limit))? else {
            return self.rows.leases_overdue(limit);
        };
        let mut leases = self.rows.leases_overdue(usize::MAX)?;
        leases.retain(|(task, _)| overdue.tasks.contains(task));
        leases.truncate(limit);
        Ok(leases)
    }

    fn shift_leases(&mut self, by: Duration, latest: Timestamp) -> Result<()> {
        self.all_rows()?.shift_leases(by, latest)
    }

    fn losses(&mut self, task: TaskId) -> Result<Vec<LossRow>> {
        self.task_rows(task)?.losses(task)
    }

    fn put_loss(&mut self, task: TaskId, loss: &LossRow) -> Result<()> {
        self.task_rows(task)?.put_loss(task, loss)
    }

    fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>> {
        let there = self.fetched.knows_worker(id);
        self.unless_missing(there, || Needs::new().with_workers([id.clone()]))?
            .worker(id)
    }

    fn put_worker(&mut self, worker: &Arc<WorkerRow>) -> Result<()> {
        self.worker_rows(worker.id())?.put_worker(worker)
    }

    fn workers_silent(
        &mut self,
        absence: Absence,
        silence: Duration,
        limit: usize,
    ) -> Result<Vec<SilentWorker>> {
        let mut query = Overdue::new(limit);
        match absence {
            Absence::Present => query.stale_after = Some(silence),
            Absence::Stale => query.gone_after = Some(silence),
            Absence::Gone => return self.all_rows()?.workers_silent(absence, silence, limit),
        }
        let Some(overdue) = self.overdue(query)? else {
            return self.rows.workers_silent(absence, silence, limit);
        };
        let found = match absence {
            Absence::Present => &overdue.stale,
            Absence::Stale | Absence::Gone => &overdue.gone,
        };
        let mut silent = self.rows.workers_silent(absence, silence, usize::MAX)?;
        silent.retain(|silent| found.contains(&silent.worker));
        silent.truncate(limit);
        Ok(silent)
    }

    fn workers_unused(&mut self, silence: Duration, limit: usize) -> Result<Vec<WorkerId>> {
        let mut query = Overdue::new(limit);
        query.unused_after = Some(silence);
        let Some(overdue) = self.overdue(query)? else {
            return self.rows.workers_unused(silence, limit);
        };
        let mut unused = self.rows.workers_unused(silence, usize::MAX)?;
        unused.retain(|worker| overdue.unused.contains(worker));
        unused.truncate(limit);
        Ok(unused)
    }

    fn delete_worker(&mut self, id: &WorkerId) -> Result<()> {
        self.worker_rows(id)?.delete_worker(id)
    }

    fn record(&mut self, task_type: &TaskType, worker: Option<&WorkerId>) -> Result<TrackRecord> {
        self.record_rows(task_type, worker)?
            .record(task_type, worker)
    }

    fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: &TrackRecord,
    ) -> Result<()> {
        let rows = match worker {
            Some(worker) => self.worker_rows(worker)?,
            None => self.record_rows(task_type, None)?,
        };
        rows.set_record(task_type, worker, record)
    }

    fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>> {
        self.holder_rows(worker)?.record_types(worker)
    }

    fn add(&mut self, addition: Addition<'_>) -> Result<()> {
        self.rows.add(addition)
    }

    fn service(&mut self) -> Result<ServiceRow> {
        self.service_rows()?.service()
    }

    fn set_service(&mut self, service: ServiceRow) -> Result<()> {
        self.service_rows()?.set_service(service)
    }

    fn log(&mut self, event: Event) -> Result<()> {
        self.rows.log(event)
    }

    // Nothing says yet which part of the space of bytes a step needs.

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.all_rows()?.get(key)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.rows.delete(key)
    }

    fn scan(&mut self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<KeyValue>> {
        self.all_rows()?.scan(from, to, limit)
    }

    fn clear(&mut self) -> Result<()> {
        self.all_rows()?.clear()
    }
}
