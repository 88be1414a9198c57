use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::WorkerRow;
use ai_market_core::submission::ModelIdentity;
use ai_market_core::task::{Task, TaskStatus};
use ai_market_core::time::Timestamp;

use crate::data::{NO_MODEL, count, json, model_key};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{InsertModel, ModelByIdentity, OpenTasks};

use super::log::Log;
use super::pending::Pending;
use super::records::Records;

/// How many entries each memory of database rows holds before it starts again empty: workers and
/// models in use at one time are far fewer, and a row that is forgotten is read again.
pub(crate) const MAX_REMEMBERED: usize = 1 << 14;

/// The rows as the steps of a group see them: the writer's connection, and what it remembers.
///
/// Everything but the connection is an aid: what is collected for the group is written with it, and
/// the rest can be forgotten at any time. An aid never says what a rolled-back step did:
/// [`discard`](Self::discard) and [`forget`](Self::forget) see to that.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) db: Connection,
    /// The time of the group.
    pub(super) now: Timestamp,
    /// What the finished jobs of the group changed, and what the job now running did.
    pub(super) group: Pending,
    pub(super) job: Pending,
    /// How many tasks were open before the group.
    open_tasks: Option<i64>,
    pub(crate) workers: HashMap<WorkerId, Arc<WorkerRow>>,
    pub(crate) records: Records,
    models: HashMap<ModelIdentity, i64>,
    model_names: HashMap<i64, ModelIdentity>,
    /// The status of the tasks that the job has read or written.
    statuses: HashMap<TaskId, TaskStatus>,
    log: Log,
}

impl Session {
    pub(crate) fn new(db: Connection, kept_events: usize) -> Self {
        Self {
            db,
            now: Timestamp::from_micros(0),
            group: Pending::default(),
            job: Pending::default(),
            open_tasks: None,
            workers: HashMap::new(),
            records: Records::default(),
            models: HashMap::new(),
            model_names: HashMap::new(),
            statuses: HashMap::new(),
            log: Log::new(kept_events),
        }
    }

    /// What the group has done so far, the latest first, but for what was deleted since.
    fn pending(&self) -> impl Iterator<Item = &Pending> {
        let group = (!self.job.is_wiped()).then_some(&self.group);
        std::iter::once(&self.job).chain(group)
    }

    /// When a worker was last heard of, and sent a heartbeat, in what the group has done so far.
    pub(crate) fn heard(&self, worker: &WorkerId) -> (Option<Timestamp>, Option<Timestamp>) {
        self.pending().fold((None, None), |(seen, beat), pending| {
            let heard = pending.heard(worker);
            (seen.max(heard.0), beat.max(heard.1))
        })
    }

    /// How many workers were heard of in what the group has done so far, at most.
    pub(crate) fn count_heard(&self) -> usize {
        self.pending().map(Pending::count_heard).sum()
    }

    /// Whether the group has heard of a worker or learned something of it so far.
    pub(crate) fn has_changed(&self, worker: &WorkerId) -> bool {
        self.pending().any(|pending| pending.changes_worker(worker))
    }

    /// Of how many workers that may be so, at most.
    pub(crate) fn count_changed_workers(&self) -> usize {
        self.pending().map(Pending::count_changed_workers).sum()
    }

    /// How many tasks are open.
    pub(crate) fn open_tasks(&mut self) -> Result<u64, Error> {
        let open: i64 = self.pending().map(Pending::open).sum();
        if self.is_wiped() {
            return count("a number of tasks", open);
        }
        let before = match self.open_tasks {
            Some(before) => before,
            None => {
                let row = self.db.row::<OpenTasks, (i64,), _>(())?;
                *self.open_tasks.insert(row.map_or(0, |(n,)| n))
            }
        };
        count("a number of tasks", before + open)
    }

    /// The track records that the group has changed so far, the latest first.
    pub(crate) fn changed_records(&self) -> impl Iterator<Item = &Records> {
        self.pending().map(|pending| &pending.records)
    }

    /// The track records that the job has changed.
    pub(crate) const fn job_records(&mut self) -> &mut Records {
        &mut self.job.records
    }

    /// Starts with an empty memory of records where so many more would be too many.
    pub(crate) fn make_room_for_records(&mut self, more: usize) {
        if self.records.len() + more > MAX_REMEMBERED {
            self.records = Records::default();
        }
    }

    /// The number by which votes name a model.
    pub(crate) fn model(&mut self, model: &ModelIdentity) -> Result<i64, Error> {
        if self.models.len() >= MAX_REMEMBERED {
            self.models.clear();
        }
        let entry = match self.models.entry(model.clone()) {
            Entry::Occupied(known) => return Ok(*known.get()),
            Entry::Vacant(entry) => entry,
        };
        let identity = json("a model identity", model)?;
        let identity = identity.as_str();
        let mut row = self.db.row::<ModelByIdentity, (i64,), _>((identity,))?;
        if row.is_none() {
            self.db.execute::<InsertModel>((identity,))?;
            row = self.db.row::<ModelByIdentity, (i64,), _>((identity,))?;
        }
        let Some((seq,)) = row else {
            return Err(Error::corrupt("a model identity", "it got no number"));
        };
        Ok(*entry.insert(seq))
    }

    /// The model that leases and votes name by a number.
    pub(crate) fn model_named(&mut self, seq: i64) -> Result<ModelIdentity, Error> {
        if let Some(model) = self.model_names.get(&seq) {
            return Ok(model.clone());
        }
        if self.model_names.len() >= MAX_REMEMBERED {
            self.model_names.clear();
        }
        let model = self.db.model(seq)?;
        self.model_names.insert(seq, model.clone());
        Ok(model)
    }

    /// The number of a model, or [`NO_MODEL`] for answers that do not say theirs.
    pub(crate) fn model_number(&mut self, model: Option<&ModelIdentity>) -> Result<i64, Error> {
        model.map_or(Ok(NO_MODEL), |model| self.model(model))
    }

    /// Remembers the status that a task has in the database.
    pub(crate) fn remember_status(&mut self, task: &Task) {
        self.statuses.insert(task.id, task.status());
    }

    /// Whether a task is known to have its status in the database.
    pub(crate) fn has_status(&self, task: &Task) -> bool {
        self.statuses.get(&task.id) == Some(&task.status())
    }

    /// Adds to a counter of the store's own, of a type or of all.
    pub(crate) fn count_own(&mut self, kind: i64, task_type: Option<&TaskType>, by: i64) {
        self.job.counts.count_own(kind, task_type, by);
    }

    /// The time of the group.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether the group has deleted everything, so that the database need not be asked.
    pub(crate) const fn is_wiped(&self) -> bool {
        self.job.is_wiped() || self.group.is_wiped()
    }

    /// Writes down the place of the newest event before all are deleted.
    pub(crate) fn keep_place(&mut self) -> Result<(), Error> {
        self.log.keep_place(&mut self.db)
    }

    /// Forgets everything that was collected and remembered, since the tables were emptied.
    pub(crate) fn wipe(&mut self) {
        self.job.wipe();
        self.forget_rows();
    }

    /// Begins a group at `now`.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Takes over what the job did, which is now part of the group.
    pub(super) fn accept(&mut self) {
        self.group.merge(std::mem::take(&mut self.job));
        self.statuses.clear();
    }

    /// Forgets what the job did, which was rolled back.
    pub(super) fn discard(&mut self) {
        self.job = Pending::default();
        self.forget_rows();
    }

    /// Writes what the group collected.
    pub(super) fn write_pending(&mut self) -> Result<(), Error> {
        let events = self.group.take_events();
        let mut models = HashMap::from([(NO_MODEL, model_key(None))]);
        for seq in self.group.models() {
            if let Entry::Vacant(entry) = models.entry(seq) {
                entry.insert(model_key(Some(&self.model_named(seq)?)));
            }
        }
        self.group.write(&mut self.db, &models)?;
        self.log.write(&mut self.db, &events)
    }

    /// Takes over what the group did, which is committed.
    pub(super) fn committed(&mut self) {
        let group = std::mem::take(&mut self.group);
        self.open_tasks = if group.is_wiped() {
            Some(group.open())
        } else {
            self.open_tasks.map(|before| before + group.open())
        };
        self.make_room_for_records(group.records.len());
        self.records.merge(group.records);
    }

    /// Forgets what the group did, which was rolled back.
    pub(super) fn forget(&mut self) {
        self.group = Pending::default();
        self.open_tasks = None;
        self.log.forget();
        self.discard();
    }

    fn forget_rows(&mut self) {
        self.workers.clear();
        self.records = Records::default();
        self.models.clear();
        self.model_names.clear();
        self.statuses.clear();
    }
}
