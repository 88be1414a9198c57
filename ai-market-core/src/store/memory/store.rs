use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::consensus::Policies;
use crate::event::Event;
use crate::id::{TaskId, WorkerId};
use crate::store::{
    Claim, Claimed, Effects, EventPage, EventQuery, EventStore, Insert, InsertOutcome,
    LeaderboardQuery, Place, Reap, Reaped, Registered, Release, Released, Renew, Renewed, Serving,
    ServingQuery, StandingChange, StandingChanged, StandingStore, StatsQuery, StoreError,
    StoreStats, Submitted, TallyQuery, TallyRow, TallyStore, TaskPage, TaskQuery, TaskStore,
    WorkerProfile, WorkerQuery, WorkerSummary,
};
use crate::submission::Vote;
use crate::task::TaskDetails;
use crate::time::Timestamp;

use super::events::EventLog;
use super::state::State;

/// A [`TaskStore`] in memory: for tests, for trying things out, and for markets that may end with
/// their process.
///
/// One lock guards everything, and each step holds it from beginning to end. Pages of tasks and of
/// the leaderboard are read by walking the whole map; a persistent store has indexes for them.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that keeps so many of the newest events; without it 100,000.
    #[must_use]
    pub fn keeping_events(events: usize) -> Self {
        let log = EventLog::keeping(events);
        Self {
            state: Mutex::new(State {
                log,
                ..State::default()
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // OK because the only foreign code that runs under the lock is the policy, whose panic
        // `decide` catches.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError> {
        let mut state = self.state();
        let (max_open, now) = (insert.max_open, insert.now);
        Ok(insert
            .tasks
            .into_iter()
            .map(|task| state.insert(task, max_open, now))
            .collect())
    }

    async fn register(
        &self,
        profile: WorkerProfile,
        now: Timestamp,
    ) -> Result<Registered, StoreError> {
        Ok(self.state().register(profile, now))
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        Ok(self.state().claim(&claim))
    }

    async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError> {
        Ok(self.state().renew(&renew))
    }

    async fn submit(
        &self,
        votes: Vec<Vote>,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Submitted, StoreError> {
        let mut state = self.state();
        let mut effects = Effects::default();
        let outcomes = votes
            .into_iter()
            .map(|vote| state.submit(vote, policies, now, &mut effects))
            .collect();
        Ok(Submitted::new(outcomes, effects))
    }

    async fn release(&self, release: Release) -> Result<Released, StoreError> {
        Ok(self.state().release(&release))
    }

    async fn reap(&self, reap: Reap, policies: &Policies) -> Result<Reaped, StoreError> {
        Ok(self.state().reap(&reap, policies))
    }

    async fn clear(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.state();
        let mut log = std::mem::take(&mut state.log);
        log.clear();
        log.push(Event::MarketReset {}, now);
        *state = State {
            log,
            ..State::default()
        };
        Ok(())
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        Ok(self.state().details(id))
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        Ok(self.state().tasks(&query))
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        Ok(self.state().worker(&id))
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        Ok(self.state().workers(&query))
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        Ok(self.state().leaderboard(&query))
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        Ok(self.state().stats(&query))
    }
}

#[async_trait]
impl TallyStore for MemoryStore {
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        Ok(self.state().tallies(&query))
    }

    async fn serving(&self, query: ServingQuery) -> Result<Vec<Serving>, StoreError> {
        Ok(self.state().serving(&query))
    }
}

#[async_trait]
impl StandingStore for MemoryStore {
    async fn set_standing(&self, change: StandingChange) -> Result<StandingChanged, StoreError> {
        Ok(self.state().set_standing(change))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        Ok(self.state().log.page(query))
    }
}
