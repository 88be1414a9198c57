use std::sync::Arc;
use std::time::Duration;

use crate::consensus::TrackRecord;
use crate::event::Event;
use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::submission::Submission;
use crate::task::Task;
use crate::time::Timestamp;

use super::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, LeaseRow, LossRow, Needs, ServiceRow, SilentWorker, StoreError, WorkerRow,
};

/// The rows of a market inside one transaction: what a database must do, and no rule of the market.
///
/// A look-up sees what earlier steps of the same transaction and the step itself wrote. Rows are
/// written whole. [Additions](Addition) may be seen late, after the transaction. A step writes and
/// adds only to tasks and workers that it has found or inserted: what a store does with any other is
/// up to it, be it nothing or an error.
///
/// The counts of a task are those of its votes in time, its leases and its lost ones (no more than
/// its attempts): a step that writes one of those updates the task as well, and a store may leave
/// out look-ups of what there is none of.
///
/// A store that fetches rows beforehand answers a look-up outside what it has fetched with
/// [`TransactionError::Missing`]; the step is then undone and run again later.
///
/// # Errors
///
/// Every method fails with [`TransactionError`], and the step is undone then.
#[expect(
    clippy::missing_errors_doc,
    reason = "the documentation of the trait says it for all methods"
)]
pub trait Transaction {
    /// The time of the transaction. It never goes back while the store is open.
    fn now(&self) -> Timestamp;

    // Tasks.

    /// A task.
    fn task(&mut self, id: TaskId) -> Result<Option<Task>, TransactionError>;

    /// The task that has this name.
    fn task_named(&mut self, name: &IdempotencyKey) -> Result<Option<TaskId>, TransactionError>;

    /// Inserts a task, with its place among the claimable ones where anybody may claim it.
    fn insert_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<(), TransactionError>;

    /// Writes what changed of an open task: how many votes it wants, its counts, its state, and its
    /// place among the claimable ones.
    fn update_task(&mut self, task: &Task, claim: Option<ClaimKey>)
    -> Result<(), TransactionError>;

    /// At most `limit` open tasks whose deadline is not after now, earliest first.
    fn tasks_overdue(&mut self, limit: usize) -> Result<Vec<TaskId>, TransactionError>;

    /// A page of claimable tasks.
    fn claimable_after(
        &mut self,
        query: &ClaimableQuery,
    ) -> Result<ClaimablePage, TransactionError>;

    /// Those of the tasks at `keys` that are claimable now, in the same order.
    fn claimable_at(
        &mut self,
        claimant: &Claimant,
        keys: &[ClaimKey],
    ) -> Result<Vec<Candidate>, TransactionError>;

    /// A page of closed tasks.
    fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>, TransactionError>;

    /// Deletes a closed task with its votes, leases, losses and name, and returns whether it was there.
    fn delete_task(&mut self, id: TaskId) -> Result<bool, TransactionError>;

    /// How many tasks are open.
    fn open_tasks(&mut self) -> Result<u64, TransactionError>;

    // Votes.

    /// The votes on a task in the order in which they came, late ones last.
    fn votes(&mut self, task: TaskId) -> Result<Vec<Submission>, TransactionError>;

    /// Inserts a vote on a task; a worker has one vote a task.
    fn insert_vote(&mut self, task: TaskId, vote: &Submission) -> Result<(), TransactionError>;

    // Leases, of which a worker has at most one a task.

    /// A worker's lease on a task.
    fn lease(
        &mut self,
        task: TaskId,
        worker: &WorkerId,
    ) -> Result<Option<LeaseRow>, TransactionError>;

    /// The leases on a task in the order in which they were claimed.
    fn leases(&mut self, task: TaskId) -> Result<Vec<LeaseRow>, TransactionError>;

    /// The leases of a worker but for grace leases, ordered by task.
    fn leases_held(
        &mut self,
        worker: &WorkerId,
    ) -> Result<Vec<(TaskId, LeaseRow)>, TransactionError>;

    /// How many leases a worker holds, grace leases not counted.
    fn count_held(&mut self, worker: &WorkerId) -> Result<usize, TransactionError>;

    /// Inserts a lease on a task, after those that are there. Of one that is there, writes until when
    /// it lasts and whether it is a grace lease; the rest never changes.
    fn put_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<(), TransactionError>;

    /// Deletes a worker's lease on a task, and returns whether there was one.
    fn delete_lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<bool, TransactionError>;

    /// At most `limit` leases that ended before now, earliest first.
    fn leases_overdue(&mut self, limit: usize)
    -> Result<Vec<(TaskId, WorkerId)>, TransactionError>;

    /// Shifts every lease by a time in which nobody served: it lasts longer by `by`, but not longer
    /// than `latest`, and was claimed later by `by`, but not after now. A worker that was last seen
    /// after now, since the clock was put back, was last seen now.
    fn shift_leases(&mut self, by: Duration, latest: Timestamp) -> Result<(), TransactionError>;

    /// The losses of a task, ordered by worker.
    fn losses(&mut self, task: TaskId) -> Result<Vec<LossRow>, TransactionError>;

    /// Writes how often a worker lost a task.
    fn put_loss(&mut self, task: TaskId, loss: &LossRow) -> Result<(), TransactionError>;

    // Workers.

    /// A worker.
    fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>, TransactionError>;

    /// Inserts or writes a worker.
    ///
    /// One that is new registers now, and is seen now; so is one that was away and is present again.
    fn put_worker(&mut self, worker: &Arc<WorkerRow>) -> Result<(), TransactionError>;

    /// At most `limit` workers whose absence is at most `absence` and that gave no sign of life
    /// for longer than `silence`, those that have been silent for longest first, then by id.
    fn workers_silent(
        &mut self,
        absence: Absence,
        silence: Duration,
        limit: usize,
    ) -> Result<Vec<SilentWorker>, TransactionError>;

    /// At most `limit` workers that can be deleted: they are gone, gave no sign of life for longer than
    /// `silence`, hold nothing but grace leases, and have no tally, track record or standing; those that
    /// have been silent for longest first, then by id. What the transaction added to one counts.
    fn workers_unused(
        &mut self,
        silence: Duration,
        limit: usize,
    ) -> Result<Vec<WorkerId>, TransactionError>;

    /// Deletes a worker that [`workers_unused`](Self::workers_unused) has found.
    fn delete_worker(&mut self, id: &WorkerId) -> Result<(), TransactionError>;

    // Track records.

    /// The track record of a worker for a task type; without a worker, that of the type as a whole.
    fn record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
    ) -> Result<TrackRecord, TransactionError>;

    /// Replaces a track record, as a re-estimation does.
    fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: &TrackRecord,
    ) -> Result<(), TransactionError>;

    /// The task types for which a worker has a track record.
    fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>, TransactionError>;

    // Everything else.

    /// Adds to a row without looking at it.
    fn add(&mut self, addition: Addition<'_>) -> Result<(), TransactionError>;

    /// When the market was looked after.
    fn service(&mut self) -> Result<ServiceRow, TransactionError>;

    /// Writes when the market was looked after.
    fn set_service(&mut self, service: ServiceRow) -> Result<(), TransactionError>;

    /// Logs that something happened now.
    fn log(&mut self, event: Event) -> Result<(), TransactionError>;

    /// A value of the space of bytes.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, TransactionError>;

    /// Writes a value of the space of bytes.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TransactionError>;

    /// Deletes a value of the space of bytes, if it is there.
    fn delete(&mut self, key: &[u8]) -> Result<(), TransactionError>;

    /// At most `limit` keys and values of the space of bytes from `from` on and before `to`, in the
    /// order of the keys.
    fn scan(
        &mut self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<KeyValue>, TransactionError>;

    /// Deletes everything but the place of the newest event.
    fn clear(&mut self) -> Result<(), TransactionError>;
}

/// A key of the space of bytes, and its value.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// Why a step cannot go on, and has to be undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The step looked at rows that the store has not fetched; it is to be run again with these.
    #[error("the step looked at rows that were not fetched")]
    Missing(Box<Needs>),
    /// The step panicked.
    #[error("the step panicked")]
    Panicked,
    /// The store failed.
    #[error("the transaction failed")]
    Store(#[from] StoreError),
}

impl TransactionError {
    /// The step needs these rows.
    #[must_use]
    pub fn missing(needs: Needs) -> Self {
        Self::Missing(Box::new(needs))
    }
}

impl From<TransactionError> for StoreError {
    /// What a caller learns of a step that failed alone.
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Store(error) => error,
            error => Self::failed(error),
        }
    }
}
