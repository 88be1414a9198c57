use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{TaskId, WorkerId};
use crate::store::{
    EventPage, EventQuery, LeaderboardQuery, ModelQuery, ModelReport, Place, StatsQuery, Step,
    StoreError, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, TaskStore, TaskTypeQuery,
    TaskTypeSummary, WorkerQuery, WorkerSummary,
};
use crate::task::TaskDetails;
use crate::time::{Clock, SteadyClock, Timestamp};

use super::group::{Part, QueuedStep, RanPart};
use super::server::Server;

/// A [`TaskStore`] in a [`RemoteDatabase`](super::RemoteDatabase): the connection of one
/// coordinator.
///
/// Steps that wait run as one group, on the thread of whoever finds no group in progress. A group
/// takes one transaction, or two where its steps allow that. Of these, the one that runs last commits
/// first.
#[derive(Debug)]
pub struct RemoteStore {
    server: Arc<Server>,
    /// `None` where it agrees with the server's.
    clock: Option<SteadyClock>,
    in_two: bool,
    queue: Mutex<Queue>,
    fail_next_commit: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    steps: Vec<QueuedStep>,
    /// Whether a thread runs a group.
    working: bool,
    holds: usize,
}

impl RemoteStore {
    pub(super) fn new(server: Arc<Server>, clock: Option<Arc<dyn Clock>>) -> Self {
        Self {
            server,
            clock: clock.map(SteadyClock::new),
            in_two: true,
            queue: Mutex::default(),
            fail_next_commit: AtomicBool::new(false),
        }
    }

    /// Runs each group in one transaction.
    #[must_use]
    pub const fn with_one_transaction(mut self) -> Self {
        self.in_two = false;
        self
    }

    /// Holds the queue: steps wait until the guard is dropped, and become one group then.
    pub fn hold(&self) -> QueueHold<'_> {
        self.queue().holds += 1;
        QueueHold { store: self }
    }

    /// Lets the next commit fail, with nothing done.
    pub fn fail_next_commit(&self) {
        self.fail_next_commit.store(true, Ordering::SeqCst);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // OK because nothing panics under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs groups until nothing waits, unless another thread does so.
    fn work(&self) {
        while let Some(mut group) = Group::next(self) {
            self.run(std::mem::take(&mut group.steps), &mut group.back);
        }
    }

    fn run(&self, group: Vec<QueuedStep>, back: &mut Vec<QueuedStep>) {
        let mut parts = Part::split(group, self.in_two).into_iter();
        let first = parts.next().and_then(|part| self.begin(part));
        let Some(second) = parts.next() else {
            return self.commit(first, back);
        };
        // Waiting for locks while the first transaction holds some could block another client that
        // does the same.
        if let Some(tx) = self.server.try_begin(&second.needs) {
            self.commit(Some(second.run(tx)), back);
            self.commit(first, back);
        } else {
            self.commit(first, back);
            self.commit(self.begin(second), back);
        }
    }

    fn begin(&self, part: Part) -> Option<RanPart> {
        match self.server.begin(&part.needs) {
            Ok(tx) => Some(part.run(tx)),
            Err(error) => {
                part.fail(&error);
                None
            }
        }
    }

    fn commit(&self, ran: Option<RanPart>, back: &mut Vec<QueuedStep>) {
        let Some(ran) = ran else {
            return;
        };
        if self.fail_next_commit.swap(false, Ordering::SeqCst) {
            ran.fail();
        } else {
            ran.commit(back);
        }
    }
}

/// The steps that a thread runs together.
struct Group<'a> {
    store: &'a RemoteStore,
    steps: Vec<QueuedStep>,
    /// Those that are to be run again.
    back: Vec<QueuedStep>,
}

impl<'a> Group<'a> {
    fn next(store: &'a RemoteStore) -> Option<Self> {
        let mut queue = store.queue();
        if queue.working || queue.holds > 0 || queue.steps.is_empty() {
            return None;
        }
        queue.working = true;
        Some(Self {
            store,
            steps: std::mem::take(&mut queue.steps),
            back: Vec::new(),
        })
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let mut queue = self.store.queue();
        queue.working = false;
        queue.steps.splice(..0, self.back.drain(..));
    }
}

/// Holds the queue of a [`RemoteStore`] while it is there.
#[derive(Debug)]
#[must_use]
pub struct QueueHold<'a> {
    store: &'a RemoteStore,
}

impl Drop for QueueHold<'_> {
    fn drop(&mut self) {
        self.store.queue().holds -= 1;
        self.store.work();
    }
}

#[async_trait]
impl TaskStore for RemoteStore {
    fn write(&self, step: Box<dyn Step>) {
        self.queue().steps.push(QueuedStep::new(step));
        self.work();
    }

    fn now(&self) -> Timestamp {
        match &self.clock {
            Some(clock) => clock.now(),
            None => self.server.now(),
        }
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        Ok(self.server.read(|state| state.details(id)))
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        Ok(self.server.read(|state| state.task_page(&query)))
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        Ok(self.server.read(|state| state.worker(&id)))
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        Ok(self.server.read(|state| state.worker_page(&query)))
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        Ok(self.server.read(|state| state.leaderboard(&query)))
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        Ok(self.server.read(|state| state.tally_page(&query)))
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        Ok(self.server.read(|state| state.model_page(&query)))
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        Ok(self.server.read(|state| state.task_type_page(&query)))
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        Ok(self.server.read(|state| state.stats(&query)))
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        Ok(self.server.read(|state| state.event_page(query)))
    }
}
