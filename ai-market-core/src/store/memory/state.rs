use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::assignment::Lease;
use crate::consensus::TrackRecord;
use crate::event::Event;
use crate::id::{IdempotencyKey, InstanceId, OwnerId, TaskId, TaskType, WorkerId};
use crate::store::rules::{is_news, suits_model};
use crate::store::{ClaimFrontier, ClaimKey, Effects, Tally, WorkerSummary};
use crate::submission::{ModelIdentity, Submission};
use crate::task::{Task, TaskState, TaskStatus};
use crate::time::Timestamp;

use super::events::EventLog;

/// All that the store knows, with the indexes that its steps look things up in.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tasks: BTreeMap<TaskId, Entry>,
    pub(super) by_key: HashMap<IdempotencyKey, TaskId>,
    pub(super) workers: BTreeMap<WorkerId, WorkerSummary>,
    /// What workers hold of open tasks.
    pub(super) held: HashMap<WorkerId, BTreeSet<TaskId>>,
    /// Open tasks with a replica to hand out.
    pub(super) claimable: HashMap<TaskType, BTreeSet<ClaimKey>>,
    pub(super) frontier: ClaimFrontier,
    /// Every lease, also those that stood when their task was decided, by when it runs out.
    pub(super) expiries: BTreeSet<(Timestamp, TaskId, WorkerId)>,
    /// Open tasks with a deadline.
    pub(super) deadlines: BTreeSet<(Timestamp, TaskId)>,
    pub(super) records: HashMap<TaskType, HashMap<WorkerId, TrackRecord>>,
    pub(super) priors: HashMap<TaskType, TrackRecord>,
    pub(super) counts: BTreeMap<(TaskType, TaskStatus), u64>,
    /// How many tasks are open.
    pub(super) open: u64,
    pub(super) submissions: u64,
    pub(super) reaped_at: Option<Timestamp>,
    /// Since when the store is served without interruption.
    pub(super) serving_since: Option<Timestamp>,
    pub(super) tallies: BTreeMap<TallyKey, Tally>,
    /// Workers that were declared stale, and not heard of since.
    pub(super) stale: HashSet<WorkerId>,
    pub(super) log: EventLog,
}

/// Whose tally it is: of a worker's answers to tasks of a type with a model.
pub(super) type TallyKey = (WorkerId, TaskType, Option<ModelIdentity>);

/// A task with what belongs to it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) task: Task,
    pub(super) votes: Vec<Submission>,
    pub(super) late: Vec<Submission>,
    /// Leases on the task; once it is finalized, those that stood then.
    pub(super) leases: Vec<HeldLease>,
    pub(super) losses: HashMap<WorkerId, u32>,
}

#[derive(Debug, Clone)]
pub(super) struct HeldLease {
    pub(super) lease: Lease,
    pub(super) owner: Option<OwnerId>,
    pub(super) instance: Option<InstanceId>,
    /// The model that the worker runs for the type of the task.
    pub(super) model: Option<ModelIdentity>,
}

impl Entry {
    pub(super) fn new(task: Task) -> Self {
        Self {
            task,
            votes: Vec::new(),
            late: Vec::new(),
            leases: Vec::new(),
            losses: HashMap::new(),
        }
    }

    pub(super) fn key(&self) -> ClaimKey {
        ClaimKey::new(self.task.priority, self.task.id)
    }

    pub(super) fn is_open(&self) -> bool {
        self.task.state == TaskState::Open
    }

    pub(super) fn lease_of(&self, worker: &WorkerId) -> Option<&HeldLease> {
        self.leases.iter().find(|held| held.lease.worker == *worker)
    }

    pub(super) fn has_answer_of(&self, worker: &WorkerId) -> bool {
        self.votes
            .iter()
            .chain(&self.late)
            .any(|vote| vote.worker == *worker)
    }

    /// Whether the models under which the task is held and answered let in another one.
    pub(super) fn suits_model(&self, model: Option<&ModelIdentity>) -> bool {
        let held = self.leases.iter().map(|held| held.model.as_ref());
        let voted = self.votes.iter().map(|vote| vote.model.as_ref());
        suits_model(self.task.distinct_models, model, held.chain(voted))
    }

    /// Whether the worker, or another one of its owner, holds or has answered the task.
    pub(super) fn is_taken_by(&self, worker: &WorkerId, owner: Option<&OwnerId>) -> bool {
        let same = |w: &WorkerId, o: &Option<OwnerId>| {
            w == worker || owner.is_some() && o.as_ref() == owner
        };
        self.leases
            .iter()
            .any(|held| same(&held.lease.worker, &held.owner))
            || self
                .votes
                .iter()
                .any(|vote| same(&vote.worker, &vote.owner))
    }
}

impl State {
    /// Changes one task and keeps the indexes that depend on its status and its claimable replicas.
    ///
    /// Replicas that became claimable, and the end of the task, go to `effects`; what else there is
    /// to tell is for the caller, who calls this once for each event.
    pub(super) fn change<R>(
        &mut self,
        id: TaskId,
        effects: &mut Effects,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        let entry = self.tasks.get_mut(&id)?;
        let (status, replicas) = (entry.task.status(), entry.task.claimable_replicas());
        let result = change(entry);
        if entry.is_open() {
            entry.task.lease_count = u32::try_from(entry.leases.len()).unwrap_or(u32::MAX);
        } else {
            entry.task.lease_count = 0;
        }
        let (new_status, new_replicas) = (entry.task.status(), entry.task.claimable_replicas());
        let (task_type, key) = (entry.task.task_type.clone(), entry.key());
        let deadline = entry.task.deadline;
        let closed = Event::closed(&entry.task).zip(entry.task.decided_at());
        if status.is_open()
            && let Some((event, at)) = closed
        {
            self.tell(event, at, effects);
            if let Some(deadline) = deadline {
                self.deadlines.remove(&(deadline, id));
            }
        }
        if new_replicas > replicas {
            effects.free(&task_type, new_replicas - replicas);
            self.frontier.opened(&task_type, key);
        }
        self.index_claimable(&task_type, key, new_replicas > 0);
        self.count(&task_type, Some(status), Some(new_status));
        Some(result)
    }

    pub(super) fn index_claimable(&mut self, task_type: &TaskType, key: ClaimKey, claimable: bool) {
        if claimable {
            self.claimable
                .entry(task_type.clone())
                .or_default()
                .insert(key);
        } else if let Some(keys) = self.claimable.get_mut(task_type) {
            keys.remove(&key);
        }
    }

    pub(super) fn count(
        &mut self,
        task_type: &TaskType,
        before: Option<TaskStatus>,
        after: Option<TaskStatus>,
    ) {
        if before == after {
            return;
        }
        let is_open = |status: Option<TaskStatus>| status.is_some_and(TaskStatus::is_open);
        self.open = self.open + u64::from(is_open(after)) - u64::from(is_open(before));
        if let Some(before) = before
            && let Some(n) = self.counts.get_mut(&(task_type.clone(), before))
        {
            *n -= 1;
            if *n == 0 {
                self.counts.remove(&(task_type.clone(), before));
            }
        }
        if let Some(after) = after {
            *self.counts.entry((task_type.clone(), after)).or_default() += 1;
        }
    }

    /// Notes that a worker was heard of; nothing when it is not registered.
    pub(super) fn seen(&mut self, worker: &WorkerId, now: Timestamp) {
        let Some(summary) = self.workers.get_mut(worker) else {
            return;
        };
        let returned = self.stale.remove(worker) || summary.gone;
        if returned || is_news(summary.last_seen, now) {
            summary.last_seen = summary.last_seen.max(now);
            summary.gone = false;
        }
        if returned {
            let worker = worker.clone();
            self.log(Event::WorkerReturned { worker }, now);
        }
    }

    /// The tally of a worker's answers to tasks of a type with a model.
    pub(super) fn tally(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        model: Option<&ModelIdentity>,
    ) -> &mut Tally {
        let key = (worker.clone(), task_type.clone(), model.cloned());
        self.tallies.entry(key).or_default()
    }

    /// Takes the worker's lease from the indexes of leases.
    pub(super) fn unindex_lease(&mut self, task: TaskId, lease: &Lease) {
        self.expiries
            .remove(&(lease.until, task, lease.worker.clone()));
        if let Some(held) = self.held.get_mut(&lease.worker) {
            held.remove(&task);
        }
    }

    /// Sets until when a worker's lease on an open task lasts.
    pub(super) fn set_until(&mut self, task: TaskId, worker: &WorkerId, until: Timestamp) {
        let Some(entry) = self.tasks.get_mut(&task) else {
            return;
        };
        let Some(held) = entry
            .leases
            .iter_mut()
            .find(|held| held.lease.worker == *worker)
        else {
            return;
        };
        self.expiries
            .remove(&(held.lease.until, task, worker.clone()));
        held.lease.until = until;
        self.expiries.insert((until, task, worker.clone()));
    }
}
