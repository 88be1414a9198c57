use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::consensus::TrackRecord;
use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::store::{ClaimKey, Counter, LeaseRow, LossRow, ServiceRow, Tally, WorkerRow};
use crate::submission::{ModelIdentity, Submission};
use crate::task::{Task, TaskState};
use crate::time::Timestamp;

use super::event_log::EventLog;

/// All rows, with the indexes in which they are looked up.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) tasks: BTreeMap<TaskId, TaskRow>,
    pub(crate) names: BTreeMap<IdempotencyKey, TaskId>,
    pub(super) workers: BTreeMap<WorkerId, Known>,
    pub(super) activity: BTreeMap<WorkerId, Activity>,
    pub(super) records: BTreeMap<RecordKey, TrackRecord>,
    pub(super) counters: BTreeMap<Counter, i64>,
    pub(super) tallies: BTreeMap<TallyKey, Tally>,
    pub(super) bytes: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) service: ServiceRow,
    pub(super) log: EventLog,
    /// How many tasks are open, which is a sum of counters.
    pub(super) open_tasks: i64,
    pub(crate) index: Index,
}

/// Where tasks and leases are found; all of it follows from the rows of tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    pub(crate) claimable: HashMap<TaskType, BTreeSet<ClaimKey>>,
    /// What workers hold but for grace leases.
    pub(crate) held: HashMap<WorkerId, BTreeSet<TaskId>>,
    /// Every lease by when it runs out.
    pub(crate) expiries: BTreeSet<(Timestamp, TaskId, WorkerId)>,
    /// Open tasks with a deadline.
    pub(crate) deadlines: BTreeSet<(Timestamp, TaskId)>,
    /// Tasks that are not open.
    pub(crate) closed: BTreeSet<TaskId>,
}

/// A worker, or none for the record of the type as a whole, and a task type.
pub(super) type RecordKey = (Option<WorkerId>, TaskType);

/// A worker, a task type and a model.
pub(super) type TallyKey = (WorkerId, TaskType, Option<ModelIdentity>);

/// A task with what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct TaskRow {
    pub(crate) task: Task,
    pub(super) claim: Option<ClaimKey>,
    pub(super) name: Option<IdempotencyKey>,
    /// In the order in which they came.
    pub(crate) votes: Vec<Submission>,
    /// In the order in which they were claimed.
    pub(crate) leases: Vec<LeaseRow>,
    /// Ordered by worker.
    pub(super) losses: Vec<LossRow>,
}

impl TaskRow {
    pub(super) const fn new(
        task: Task,
        claim: Option<ClaimKey>,
        name: Option<IdempotencyKey>,
    ) -> Self {
        Self {
            task,
            claim,
            name,
            votes: Vec::new(),
            leases: Vec::new(),
            losses: Vec::new(),
        }
    }

    pub(super) fn lease_of(&self, worker: &WorkerId) -> Option<&LeaseRow> {
        self.leases.iter().find(|lease| lease.worker == *worker)
    }

    /// The votes in the order in which they came, late ones last.
    pub(super) fn votes_in_order(&self) -> impl Iterator<Item = &Submission> {
        let of = |late| self.votes.iter().filter(move |vote| vote.late == late);
        of(false).chain(of(true))
    }
}

/// A worker, and when it registered first.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) row: Arc<WorkerRow>,
    pub(super) registered_at: Timestamp,
}

/// What is added to a worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) last_seen: Option<Timestamp>,
    pub(super) last_heartbeat: Option<Timestamp>,
    pub(super) points: i64,
    pub(super) submissions: u64,
}

impl State {
    /// No rows, and a log that will keep so many events.
    pub(crate) fn keeping_events(kept: usize) -> Self {
        Self::with_log(EventLog::keeping(kept))
    }

    pub(super) fn with_log(log: EventLog) -> Self {
        Self {
            tasks: BTreeMap::new(),
            names: BTreeMap::new(),
            workers: BTreeMap::new(),
            activity: BTreeMap::new(),
            records: BTreeMap::new(),
            counters: BTreeMap::new(),
            tallies: BTreeMap::new(),
            bytes: BTreeMap::new(),
            service: ServiceRow::default(),
            log,
            open_tasks: 0,
            index: Index::default(),
        }
    }

    /// Puts another row in the place of a task, or none, and returns what was there.
    pub(super) fn replace_task(&mut self, id: TaskId, row: Option<TaskRow>) -> Option<TaskRow> {
        let before = match (self.tasks.get_mut(&id), row) {
            (Some(there), Some(row)) => {
                self.index.remove(there);
                self.index.insert(&row);
                return Some(std::mem::replace(there, row));
            }
            (None, Some(row)) => {
                self.index.insert(&row);
                self.tasks.insert(id, row)
            }
            (_, None) => self.tasks.remove(&id),
        };
        if let Some(before) = &before {
            self.index.remove(before);
        }
        before
    }

    /// Changes a task where it is.
    pub(super) fn change_task(&mut self, id: TaskId, change: impl FnOnce(&mut TaskRow)) {
        if let Some(row) = self.tasks.get_mut(&id) {
            self.index.remove(row);
            change(row);
            self.index.insert(row);
        }
    }
}

impl Index {
    fn insert(&mut self, row: &TaskRow) {
        let task = &row.task;
        if let Some(key) = row.claim {
            match self.claimable.get_mut(&task.task_type) {
                Some(keys) => {
                    keys.insert(key);
                }
                None => {
                    let keys = BTreeSet::from([key]);
                    self.claimable.insert(task.task_type.clone(), keys);
                }
            }
        }
        for lease in &row.leases {
            let worker = &lease.worker;
            self.expiries.insert((lease.until, task.id, worker.clone()));
            if !lease.grace {
                let held = self.held.entry(worker.clone()).or_default();
                held.insert(task.id);
            }
        }
        if let Some(deadline) = task.deadline.filter(|_| task.state == TaskState::Open) {
            self.deadlines.insert((deadline, task.id));
        }
        if task.state != TaskState::Open {
            self.closed.insert(task.id);
        }
    }

    fn remove(&mut self, row: &TaskRow) {
        let task = &row.task;
        if let Some(key) = row.claim
            && let Some(keys) = self.claimable.get_mut(&task.task_type)
        {
            keys.remove(&key);
        }
        for lease in &row.leases {
            let worker = &lease.worker;
            self.expiries
                .remove(&(lease.until, task.id, worker.clone()));
            if !lease.grace
                && let Some(held) = self.held.get_mut(worker)
            {
                held.remove(&task.id);
                if held.is_empty() {
                    self.held.remove(worker);
                }
            }
        }
        if let Some(deadline) = task.deadline {
            self.deadlines.remove(&(deadline, task.id));
        }
        if task.state != TaskState::Open {
            self.closed.remove(&task.id);
        }
    }
}
