use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::consensus::TrackRecord;
use crate::event::Event;
use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, EventPage, EventQuery, KeyValue, LeaderboardQuery, LeaseRow, LossRow, ModelQuery,
    ModelReport, Needs, Place, ServiceRow, SilentWorker, StatsQuery, Step, StoreError, StoreStats,
    TallyQuery, TallyRow, TaskPage, TaskQuery, TaskStore, TaskTypeQuery, TaskTypeSummary,
    Transaction, TransactionError, Turn, WorkerQuery, WorkerRow, WorkerSummary,
};
use crate::submission::Submission;
use crate::task::{Task, TaskDetails};
use crate::time::Timestamp;

/// A store that counts what steps do in its transactions.
#[derive(Debug, Clone)]
pub struct CountingStore {
    store: Arc<dyn TaskStore>,
    counts: Arc<Mutex<Counts>>,
}

/// What steps did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often each method of [`Transaction`] was called.
    pub calls: BTreeMap<&'static str, u64>,
    /// How many candidates the look-ups of claimable tasks returned.
    pub candidates: u64,
}

impl CountingStore {
    /// Counts what happens in the transactions of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn TaskStore>) -> Self {
        Self {
            store,
            counts: Arc::default(),
        }
    }

    /// Returns what was counted since the last call, and starts again.
    #[must_use]
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl TaskStore for CountingStore {
    fn write(&self, step: Box<dyn Step>) {
        let counts = Arc::clone(&self.counts);
        self.store.write(Box::new(CountingStep { step, counts }));
    }

    fn now(&self) -> Timestamp {
        self.store.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.store.task(id).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.store.tasks(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.store.worker(id).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.store.workers(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.store.leaderboard(query).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.store.tallies(query).await
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        self.store.models(query).await
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        self.store.task_types(query).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.store.stats(query).await
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.store.events(query).await
    }
}

struct CountingStep {
    step: Box<dyn Step>,
    counts: Arc<Mutex<Counts>>,
}

impl Step for CountingStep {
    fn needs(&self) -> Needs {
        self.step.needs()
    }

    fn is_abandoned(&self) -> bool {
        self.step.is_abandoned()
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        let counts = Arc::clone(&self.counts);
        self.step.run(&mut CountingTransaction { tx, counts })
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        self.step.finish(result);
    }
}

struct CountingTransaction<'a> {
    tx: &'a mut dyn Transaction,
    counts: Arc<Mutex<Counts>>,
}

impl CountingTransaction<'_> {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Counts each call and passes it on.
macro_rules! count {
    ($(fn $method:ident($($arg:ident: $type:ty),*) -> $value:ty;)*) => {$(
        fn $method(&mut self, $($arg: $type),*) -> Result<$value, TransactionError> {
            self.count(|counts| *counts.calls.entry(stringify!($method)).or_default() += 1);
            self.tx.$method($($arg),*)
        }
    )*};
}

impl Transaction for CountingTransaction<'_> {
    fn now(&self) -> Timestamp {
        self.tx.now()
    }

    fn claimable_after(
        &mut self,
        query: &ClaimableQuery,
    ) -> Result<ClaimablePage, TransactionError> {
        let page = self.tx.claimable_after(query)?;
        self.count(|counts| {
            *counts.calls.entry("claimable_after").or_default() += 1;
            counts.candidates += page.candidates.len() as u64;
        });
        Ok(page)
    }

    fn claimable_at(
        &mut self,
        claimant: &Claimant,
        keys: &[ClaimKey],
    ) -> Result<Vec<Candidate>, TransactionError> {
        let candidates = self.tx.claimable_at(claimant, keys)?;
        self.count(|counts| {
            *counts.calls.entry("claimable_at").or_default() += 1;
            counts.candidates += candidates.len() as u64;
        });
        Ok(candidates)
    }

    count! {
        fn task(id: TaskId) -> Option<Task>;
        fn task_named(name: &IdempotencyKey) -> Option<TaskId>;
        fn insert_task(task: &Task, claim: Option<ClaimKey>, name: Option<&IdempotencyKey>) -> ();
        fn update_task(task: &Task, claim: Option<ClaimKey>) -> ();
        fn tasks_overdue(limit: usize) -> Vec<TaskId>;
        fn closed_tasks(query: &ClosedQuery) -> Vec<ClosedTask>;
        fn delete_task(id: TaskId) -> bool;
        fn open_tasks() -> u64;
        fn votes(task: TaskId) -> Vec<Submission>;
        fn insert_vote(task: TaskId, vote: &Submission) -> ();
        fn lease(task: TaskId, worker: &WorkerId) -> Option<LeaseRow>;
        fn leases(task: TaskId) -> Vec<LeaseRow>;
        fn leases_held(worker: &WorkerId) -> Vec<(TaskId, LeaseRow)>;
        fn count_held(worker: &WorkerId) -> usize;
        fn put_lease(task: TaskId, lease: &LeaseRow) -> ();
        fn delete_lease(task: TaskId, worker: &WorkerId) -> bool;
        fn leases_overdue(limit: usize) -> Vec<(TaskId, WorkerId)>;
        fn shift_leases(by: Duration, latest: Timestamp) -> ();
        fn losses(task: TaskId) -> Vec<LossRow>;
        fn put_loss(task: TaskId, loss: &LossRow) -> ();
        fn worker(id: &WorkerId) -> Option<Arc<WorkerRow>>;
        fn put_worker(worker: &Arc<WorkerRow>) -> ();
        fn workers_silent(
            absence: Absence,
            silence: Duration,
            limit: usize
        ) -> Vec<SilentWorker>;
        fn workers_unused(silence: Duration, limit: usize) -> Vec<WorkerId>;
        fn delete_worker(id: &WorkerId) -> ();
        fn record(task_type: &TaskType, worker: Option<&WorkerId>) -> TrackRecord;
        fn set_record(
            task_type: &TaskType,
            worker: Option<&WorkerId>,
            record: &TrackRecord
        ) -> ();
        fn record_types(worker: &WorkerId) -> Vec<TaskType>;
        fn add(addition: Addition<'_>) -> ();
        fn service() -> ServiceRow;
        fn set_service(service: ServiceRow) -> ();
        fn log(event: Event) -> ();
        fn get(key: &[u8]) -> Option<Vec<u8>>;
        fn put(key: &[u8], value: &[u8]) -> ();
        fn delete(key: &[u8]) -> ();
        fn scan(from: &[u8], to: &[u8], limit: usize) -> Vec<KeyValue>;
        fn clear() -> ();
    }
}
