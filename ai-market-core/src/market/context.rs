use std::collections::BTreeSet;
use std::sync::Arc;

use crate::consensus::Policies;
use crate::event::Event;
use crate::id::{IdempotencyKey, TaskType, WorkerId};
use crate::store::{
    Absence, Addition, ClaimKey, Counter, Needs, StoreError, Transaction, TransactionError,
    WorkerRow,
};
use crate::task::{Task, TaskStatus};
use crate::time::Timestamp;

use super::Effects;
use super::handle::Shared;

/// What an operation works with: a transaction, the policies, and what it does on the side.
pub(super) struct Context<'a> {
    pub(super) tx: &'a mut dyn Transaction,
    pub(super) shared: &'a Shared,
    pub(super) effects: Effects,
    /// Who lost leases on tasks of which types in this step.
    pub(super) losers: BTreeSet<(WorkerId, TaskType)>,
    missing: Option<Needs>,
    now: Timestamp,
}

/// What counters and claims depend on of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskSnapshot {
    status: TaskStatus,
    replicas: u32,
    wanted: u32,
}

impl TaskSnapshot {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            status: task.status(),
            replicas: task.claimable_replicas(),
            wanted: task.wanted,
        }
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(tx: &'a mut dyn Transaction, shared: &'a Shared) -> Self {
        Self {
            now: tx.now(),
            tx,
            shared,
            effects: Effects::default(),
            losers: BTreeSet::new(),
            missing: None,
        }
    }

    /// The time of the transaction.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) const fn policies(&self) -> &'a Policies {
        &self.shared.policies
    }

    /// Goes on after a look-up outside the fetched rows; the step is undone and run again once it has
    /// come to its end, with everything that it lacked.
    pub(super) fn defer_missing(
        &mut self,
        result: Result<(), TransactionError>,
    ) -> Result<(), TransactionError> {
        match result {
            Err(TransactionError::Missing(needs)) => {
                self.missing.get_or_insert_default().merge(*needs);
                Ok(())
            }
            result => result,
        }
    }

    /// What deferred look-ups lacked.
    pub(super) fn take_missing(&mut self) -> Option<Needs> {
        self.missing.take()
    }

    /// Logs what the step was asked for.
    pub(super) fn log(&mut self, event: Event) -> Result<(), TransactionError> {
        self.tx.log(event)
    }

    /// Logs what the step did besides what it was asked for.
    pub(super) fn log_effect(&mut self, event: Event) -> Result<(), TransactionError> {
        self.effects.note(event.clone());
        self.tx.log(event)
    }

    pub(super) fn count(&mut self, counter: &Counter, by: i64) -> Result<(), TransactionError> {
        self.tx.add(Addition::Count(counter, by))
    }

    /// Inserts a task, and counts it.
    pub(super) fn insert_task(
        &mut self,
        task: &Task,
        name: Option<&IdempotencyKey>,
    ) -> Result<(), TransactionError> {
        let claim = claim_key(task);
        self.tx.insert_task(task, claim, name)?;
        let task_type = &task.task_type;
        self.count(&Counter::Tasks(task_type.clone(), task.status()), 1)?;
        if let Some(key) = claim {
            self.count(&Counter::Claimable(task_type.clone(), task.wanted), 1)?;
            self.effects.open(task_type, key, task.claimable_replicas());
        }
        self.log(Event::created(task))
    }

    /// Writes what changed of a task since `before`, and keeps counters in step with it. The end of
    /// the task is logged.
    pub(super) fn update_task(
        &mut self,
        before: TaskSnapshot,
        task: &Task,
    ) -> Result<(), TransactionError> {
        let now = TaskSnapshot::of(task);
        let claim = claim_key(task);
        self.tx.update_task(task, claim)?;
        let task_type = &task.task_type;
        if before.status != now.status {
            self.count(&Counter::Tasks(task_type.clone(), before.status), -1)?;
            self.count(&Counter::Tasks(task_type.clone(), now.status), 1)?;
        }
        let (was, is) = (before.replicas > 0, now.replicas > 0);
        if was != is || before.wanted != now.wanted {
            if was {
                self.count(&Counter::Claimable(task_type.clone(), before.wanted), -1)?;
            }
            if is {
                self.count(&Counter::Claimable(task_type.clone(), now.wanted), 1)?;
            }
        }
        match claim {
            Some(key) if now.replicas > before.replicas => {
                let freed = now.replicas - before.replicas;
                self.effects.open(task_type, key, freed);
            }
            None if was => {
                let key = ClaimKey::new(task.priority, task.id);
                self.effects.fill(task_type, key);
            }
            _ => {}
        }
        match Event::closed(task) {
            Some(event) if before.status.is_open() => self.log_effect(event),
            _ => Ok(()),
        }
    }

    /// Notes that a worker was heard of, and returns its row as it was; `None` when it is not
    /// registered.
    pub(super) fn seen(
        &mut self,
        worker: &WorkerId,
    ) -> Result<Option<Arc<WorkerRow>>, TransactionError> {
        let row = self.tx.worker(worker)?;
        if let Some(row) = &row {
            self.sign_of_life(row)?;
        }
        Ok(row)
    }

    /// Notes that a registered worker was heard of.
    pub(super) fn sign_of_life(&mut self, row: &WorkerRow) -> Result<(), TransactionError> {
        if row.absence != Absence::Present {
            let worker = row.id().clone();
            let back = row.clone().with_absence(Absence::Present);
            self.tx.put_worker(&Arc::new(back))?;
            self.log(Event::WorkerReturned { worker })?;
        }
        self.tx.add(Addition::Seen(row.id()))
    }
}

/// Where a task stands among the claimable ones; `None` when nobody may claim it.
fn claim_key(task: &Task) -> Option<ClaimKey> {
    (task.claimable_replicas() > 0).then(|| ClaimKey::new(task.priority, task.id))
}

/// The store holds rows that do not fit together.
pub(super) fn inconsistent(what: &'static str) -> TransactionError {
    TransactionError::Store(StoreError::failed(what))
}
