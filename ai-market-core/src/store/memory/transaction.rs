use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::consensus::TrackRecord;
use crate::event::Event;
use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, Involvement, KeyValue, LeaseRow, LossRow, ServiceRow, SilentWorker, StoreError,
    Transaction, TransactionError, WorkerRow,
};
use crate::submission::Submission;
use crate::task::Task;
use crate::time::Timestamp;

use super::change::Change;
use super::state::{Known, State, TaskRow};

/// A transaction on the rows in memory: it changes them in place, and remembers how to take that
/// back.
#[derive(Debug)]
pub(crate) struct MemoryTransaction<'a> {
    state: &'a mut State,
    now: Timestamp,
    undo: Vec<Change>,
    /// The tasks of which `undo` has the rows as they were before.
    changed: Vec<TaskId>,
    /// Every change as it was made, where somebody will make them again elsewhere.
    redo: Option<Vec<Change>>,
    events: Vec<Event>,
}

type Result<T> = std::result::Result<T, TransactionError>;

/// What a transaction did.
#[cfg(feature = "conformance")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    changes: Vec<Change>,
    events: Vec<Event>,
}

#[cfg(feature = "conformance")]
impl Done {
    /// Does it again on other rows.
    pub(crate) fn replay(self, state: &mut State, now: Timestamp) {
        for change in self.changes {
            change.apply(state);
        }
        for event in self.events {
            state.log.push(event, now);
        }
    }
}

impl<'a> MemoryTransaction<'a> {
    pub(crate) const fn new(state: &'a mut State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            undo: Vec::new(),
            changed: Vec::new(),
            redo: None,
            events: Vec::new(),
        }
    }

    /// One whose changes are remembered.
    #[cfg(feature = "conformance")]
    pub(crate) fn recording(state: &'a mut State, now: Timestamp) -> Self {
        let mut tx = Self::new(state, now);
        tx.redo = Some(Vec::new());
        tx
    }

    /// Keeps what was changed.
    pub(crate) fn commit(self) {
        for event in self.events {
            self.state.log.push(event, self.now);
        }
    }

    /// Takes everything back.
    pub(crate) fn roll_back(self) {
        for change in self.undo.into_iter().rev() {
            change.apply(self.state);
        }
    }

    /// Keeps what was changed, and returns it, without the log of events.
    #[cfg(feature = "conformance")]
    pub(crate) fn into_done(self) -> Done {
        Done {
            changes: self.redo.unwrap_or_default(),
            events: self.events,
        }
    }

    /// The rows, for whoever fetches some of them beforehand.
    #[cfg(feature = "conformance")]
    pub(crate) const fn state(&self) -> &State {
        self.state
    }

    fn change(&mut self, change: Change) {
        if let Some(redo) = &mut self.redo {
            redo.push(change.clone());
        }
        self.undo.push(change.apply(self.state));
    }

    fn row(&self, id: TaskId) -> Result<&TaskRow> {
        let row = self.state.tasks.get(&id);
        row.ok_or_else(|| StoreError::failed("there is no such task").into())
    }

    fn change_task(&mut self, id: TaskId, change: impl FnOnce(&mut TaskRow)) -> Result<()> {
        if self.redo.is_none() && self.changed.contains(&id) {
            self.state.change_task(id, change);
            return Ok(());
        }
        let mut row = self.row(id)?.clone();
        change(&mut row);
        self.change(Change::Task(id, Some(Box::new(row))));
        self.changed.push(id);
        Ok(())
    }

    fn candidate(&self, claimant: &Claimant, key: ClaimKey) -> Option<Candidate> {
        let row = self.state.tasks.get(&key.id())?;
        (row.claim == Some(key)).then(|| Candidate::Found {
            key,
            distinct_models: row.task.distinct_models,
            involvement: Involvement::of(claimant, &row.votes, &row.leases, &row.losses),
        })
    }
}

impl Transaction for MemoryTransaction<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>> {
        Ok(self.state.tasks.get(&id).map(|row| row.task.clone()))
    }

    fn task_named(&mut self, name: &IdempotencyKey) -> Result<Option<TaskId>> {
        Ok(self.state.names.get(name).copied())
    }

    fn insert_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<()> {
        let row = TaskRow::new(task.clone(), claim, name.cloned());
        self.change(Change::Task(task.id, Some(Box::new(row))));
        self.changed.push(task.id);
        if let Some(name) = name {
            self.change(Change::Name(name.clone(), Some(task.id)));
        }
        Ok(())
    }

    fn update_task(&mut self, task: &Task, claim: Option<ClaimKey>) -> Result<()> {
        self.change_task(task.id, |row| {
            row.task = task.clone();
            row.claim = claim;
        })
    }

    fn tasks_overdue(&mut self, limit: usize) -> Result<Vec<TaskId>> {
        let deadlines = self.state.index.deadlines.iter();
        let overdue = deadlines.take_while(|(deadline, _)| *deadline <= self.now);
        Ok(overdue.take(limit).map(|(_, id)| *id).collect())
    }

    fn claimable_after(&mut self, query: &ClaimableQuery) -> Result<ClaimablePage> {
        let Some(keys) = self.state.index.claimable.get(&query.task_type) else {
            return Ok(ClaimablePage::new(Vec::new(), true));
        };
        let from = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut keys = keys.range((from, Bound::Unbounded));
        let page = keys.by_ref().take(query.limit);
        let candidates = page.filter_map(|key| self.candidate(&query.claimant, *key));
        let candidates = candidates.collect();
        let ended = keys.next().is_none();
        Ok(ClaimablePage::new(candidates, ended))
    }

    fn claimable_at(&mut self, claimant: &Claimant, keys: &[ClaimKey]) -> Result<Vec<Candidate>> {
        let keys = keys.iter();
        Ok(keys
            .filter_map(|key| self.candidate(claimant, *key))
            .collect())
    }

    fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>> {
        Ok(self.state.closed(query).take(query.limit).collect())
    }

    fn delete_task(&mut self, id: TaskId) -> Result<bool> {
        let Some(row) = self.state.tasks.get(&id) else {
            return Ok(false);
        };
        if let Some(name) = row.name.clone() {
            self.change(Change::Name(name, None));
        }
        self.change(Change::Task(id, None));
        self.changed.retain(|changed| *changed != id);
        Ok(true)
    }

    fn open_tasks(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.state.open_tasks).unwrap_or(0))
    }

    fn votes(&mut self, task: TaskId) -> Result<Vec<Submission>> {
        Ok(self.row(task)?.votes_in_order().cloned().collect())
    }

    fn insert_vote(&mut self, task: TaskId, vote: &Submission) -> Result<()> {
        self.change_task(task, |row| row.votes.push(vote.clone()))
    }

    fn lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<Option<LeaseRow>> {
        let row = self.state.tasks.get(&task);
        Ok(row.and_then(|row| row.lease_of(worker)).cloned())
    }

    fn leases(&mut self, task: TaskId) -> Result<Vec<LeaseRow>> {
        Ok(self.row(task)?.leases.clone())
    }

    fn leases_held(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, LeaseRow)>> {
        let held = self.state.index.held.get(worker).into_iter().flatten();
        let held = held.filter_map(|id| {
            let lease = self.state.tasks.get(id)?.lease_of(worker)?;
            Some((*id, lease.clone()))
        });
        Ok(held.collect())
    }

    fn count_held(&mut self, worker: &WorkerId) -> Result<usize> {
        let held = self.state.index.held.get(worker);
        Ok(held.map_or(0, |held| held.len()))
    }

    fn put_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<()> {
        self.change_task(task, |row| {
            let known = row.leases.iter_mut().find(|l| l.worker == lease.worker);
            match known {
                Some(known) => (known.until, known.grace) = (lease.until, lease.grace),
                None => row.leases.push(lease.clone()),
            }
        })
    }

    fn delete_lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<bool> {
        if self.lease(task, worker)?.is_none() {
            return Ok(false);
        }
        self.change_task(task, |row| row.leases.retain(|l| l.worker != *worker))?;
        Ok(true)
    }

    fn leases_overdue(&mut self, limit: usize) -> Result<Vec<(TaskId, WorkerId)>> {
        let expiries = self.state.index.expiries.iter();
        let overdue = expiries.take_while(|(until, ..)| *until < self.now);
        Ok(overdue
            .take(limit)
            .map(|(_, task, worker)| (*task, worker.clone()))
            .collect())
    }

    fn shift_leases(&mut self, by: Duration, latest: Timestamp) -> Result<()> {
        let now = self.now;
        self.change(Change::Shift { by, latest, now });
        Ok(())
    }

    fn losses(&mut self, task: TaskId) -> Result<Vec<LossRow>> {
        Ok(self.row(task)?.losses.clone())
    }

    fn put_loss(&mut self, task: TaskId, loss: &LossRow) -> Result<()> {
        self.change_task(task, |row| {
            let place = row.losses.binary_search_by(|l| l.worker.cmp(&loss.worker));
            match place {
                Ok(place) => row.losses[place] = loss.clone(),
                Err(place) => row.losses.insert(place, loss.clone()),
            }
        })
    }

    fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>> {
        let known = self.state.workers.get(id);
        Ok(known.map(|known| Arc::clone(&known.row)))
    }

    fn put_worker(&mut self, worker: &Arc<WorkerRow>) -> Result<()> {
        let (id, at) = (worker.id().clone(), self.now);
        let before = self.state.workers.get(&id);
        let appears = before.is_none_or(|before| before.row.absence != Absence::Present);
        let known = Known {
            row: Arc::clone(worker),
            registered_at: before.map_or(at, |before| before.registered_at),
        };
        self.change(Change::Worker(id.clone(), Some(known)));
        if appears && worker.absence == Absence::Present {
            let always = true;
            self.change(Change::Seen {
                worker: id,
                at,
                always,
            });
        }
        Ok(())
    }

    fn workers_silent(
        &mut self,
        absence: Absence,
        silence: Duration,
        limit: usize,
    ) -> Result<Vec<SilentWorker>> {
        Ok(self.state.silent(absence, self.now.minus(silence), limit))
    }

    fn workers_unused(&mut self, silence: Duration, limit: usize) -> Result<Vec<WorkerId>> {
        Ok(self.state.unused(self.now.minus(silence), limit))
    }

    fn delete_worker(&mut self, id: &WorkerId) -> Result<()> {
        self.change(Change::Worker(id.clone(), None));
        self.change(Change::Activity(id.clone(), None));
        Ok(())
    }

    fn record(&mut self, task_type: &TaskType, worker: Option<&WorkerId>) -> Result<TrackRecord> {
        let key = (worker.cloned(), task_type.clone());
        Ok(self.state.records.get(&key).cloned().unwrap_or_default())
    }

    fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: &TrackRecord,
    ) -> Result<()> {
        let key = (worker.cloned(), task_type.clone());
        self.change(Change::Record(key, Some(Box::new(record.clone()))));
        Ok(())
    }

    fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>> {
        let keys = self.state.records.keys();
        let keys = keys.filter(|(of, _)| of.as_ref() == Some(worker));
        Ok(keys.map(|(_, task_type)| task_type.clone()).collect())
    }

    fn add(&mut self, addition: Addition<'_>) -> Result<()> {
        let now = self.now;
        self.change(match addition {
            Addition::Count(counter, by) => Change::Count(counter.clone(), by),
            Addition::Seen(worker) => Change::Seen {
                worker: worker.clone(),
                at: now,
                always: false,
            },
            Addition::Heartbeat(worker) => Change::Heartbeat(worker.clone(), now),
            Addition::Tally {
                worker,
                task_type,
                model,
                by,
            } => {
                let key = (worker.clone(), task_type.clone(), model.cloned());
                Change::AddTally(key, Box::new(*by))
            }
            Addition::Record {
                worker,
                task_type,
                change,
            } => {
                let key = (worker.cloned(), task_type.clone());
                Change::AddRecord(key, Box::new(change.clone()))
            }
        });
        Ok(())
    }

    fn service(&mut self) -> Result<ServiceRow> {
        Ok(self.state.service)
    }

    fn set_service(&mut self, service: ServiceRow) -> Result<()> {
        self.change(Change::Service(service));
        Ok(())
    }

    fn log(&mut self, event: Event) -> Result<()> {
        self.events.push(event);
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.state.bytes.get(key).cloned())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.change(Change::Bytes(key.to_vec(), Some(value.to_vec())));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.change(Change::Bytes(key.to_vec(), None));
        Ok(())
    }

    fn scan(&mut self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<KeyValue>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        let found = self.state.bytes.range::<[u8], _>(range);
        Ok(found
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn clear(&mut self) -> Result<()> {
        self.events.clear();
        self.changed.clear();
        self.change(Change::Clear);
        Ok(())
    }
}
