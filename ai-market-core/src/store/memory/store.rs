use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{TaskId, WorkerId};
use crate::store::{
    EventPage, EventQuery, KEPT_EVENTS, LeaderboardQuery, ModelQuery, ModelReport, Place,
    StatsQuery, Step, StoreError, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, TaskStore,
    TaskTypeQuery, TaskTypeSummary, Turn, WorkerQuery, WorkerSummary,
};
use crate::task::TaskDetails;
use crate::time::{Clock, SteadyClock, SystemClock, Timestamp};

use super::state::State;
use super::transaction::MemoryTransaction;

/// A [`TaskStore`] in memory: for tests, for trying things out, and for markets that may end with
/// their process.
///
/// One lock guards everything, and each step holds it from beginning to end. Questions are answered
/// by walking whole maps; a persistent store has indexes for them.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    clock: SteadyClock,
}

/// How a [`MemoryStore`] is made.
#[derive(Debug, Clone)]
pub struct MemoryOptions {
    clock: Arc<dyn Clock>,
    kept_events: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryOptions {
    /// Takes the time from the system, and keeps the newest 100,000 events.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            kept_events: KEPT_EVENTS,
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how many of the newest events are kept.
    #[must_use]
    pub const fn with_kept_events(mut self, events: usize) -> Self {
        self.kept_events = events;
        self
    }

    /// Makes an empty store.
    #[must_use]
    pub fn build(&self) -> MemoryStore {
        MemoryStore {
            state: Mutex::new(State::keeping_events(self.kept_events)),
            clock: SteadyClock::new(Arc::clone(&self.clock)),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryOptions::new().build()
    }
}

impl MemoryStore {
    /// An empty store with the usual [options](MemoryOptions).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // OK because what a panicking step leaves half done is taken back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    fn write(&self, mut step: Box<dyn Step>) {
        let mut state = self.state();
        loop {
            let mut tx = MemoryTransaction::new(&mut state, self.clock.now());
            match step.run_caught(&mut tx) {
                Ok(turn) => {
                    tx.commit();
                    if turn == Turn::Done {
                        // Under the lock, so that steps finish in the order of their commits.
                        return step.finish(Ok(()));
                    }
                }
                Err(error) => {
                    tx.roll_back();
                    return step.finish(Err(error.into()));
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        Ok(self.state().details(id))
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        Ok(self.state().task_page(&query))
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        Ok(self.state().worker(&id))
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        Ok(self.state().worker_page(&query))
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        Ok(self.state().leaderboard(&query))
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        Ok(self.state().tally_page(&query))
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        Ok(self.state().model_page(&query))
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        Ok(self.state().task_type_page(&query))
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        Ok(self.state().stats(&query))
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        Ok(self.state().event_page(query))
    }
}
