//! Events are followed the same way on a store whose places are far apart.

// A test speaks by panicking. The macros take async functions.
#![allow(clippy::unwrap_used, clippy::unused_async)]

use std::sync::Arc;

use ai_market_core::api::{ClientApi, EventFeed, Follow, TaskSpec};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::event::{EventId, LoggedEvent};
use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::store::{
    EventPage, EventQuery, EventStart, LeaderboardQuery, MemoryOptions, MemoryStore, ModelQuery,
    ModelReport, Place, StatsQuery, Step, StoreError, StoreStats, TallyQuery, TallyRow, TaskPage,
    TaskQuery, TaskStore, TaskTypeQuery, TaskTypeSummary, WorkerQuery, WorkerSummary,
};
use ai_market_core::task::TaskDetails;
use ai_market_core::time::{ManualClock, Timestamp};
use async_trait::async_trait;

/// A store in memory that gives its `n`th event the place `n * STEP + FIRST`.
#[derive(Debug)]
struct SparseStore(MemoryStore);

/// Places have more digits than a `u64`.
const STEP: u128 = 1_000 << 64;
const FIRST: u128 = 7;

fn sparse(dense: EventId) -> EventId {
    if dense == EventId::START {
        return dense;
    }
    EventId::new(dense.get() * STEP + FIRST)
}

/// The place of the last event up to `sparse`.
fn dense(sparse: EventId) -> EventId {
    EventId::new(sparse.get().saturating_sub(FIRST) / STEP)
}

#[async_trait]
impl TaskStore for SparseStore {
    fn write(&self, step: Box<dyn Step>) {
        self.0.write(step);
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.0.task(id).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.0.tasks(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.0.worker(id).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.0.workers(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.0.leaderboard(query).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.0.tallies(query).await
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        self.0.models(query).await
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        self.0.task_types(query).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.0.stats(query).await
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        let asked = match query.start {
            EventStart::After(place) => EventQuery::after(dense(place), query.limit),
            EventStart::Last(n) => EventQuery::last(n).with_limit(query.limit),
        };
        let page = self.0.events(asked).await?;
        let moved = page.events.iter().map(|logged| {
            let event = logged.event.clone();
            Arc::new(LoggedEvent::new(sparse(logged.id), logged.at, event))
        });
        let kept_after = sparse(page.kept_after);
        let after = match query.start {
            EventStart::After(place) => place.max(kept_after),
            EventStart::Last(_) => sparse(page.after),
        };
        let newest = sparse(page.newest);
        Ok(EventPage::new(moved.collect(), after, kept_after, newest))
    }
}

async fn open() -> ((), Coordinator) {
    let store = SparseStore(MemoryStore::new());
    ((), Coordinator::builder(store).build().unwrap())
}

ai_market_core::market_api_tests!(open);

mod rules {
    use super::*;

    async fn open(clock: ManualClock) -> ((), Arc<dyn TaskStore>) {
        let store = MemoryOptions::new().with_clock(clock).build();
        ((), Arc::new(SparseStore(store)))
    }

    ai_market_core::market_tests!(open);
}

async fn create(coordinator: &Coordinator, n: usize) {
    let specs = (0..n).map(|i| TaskSpec::new(format!("text {i}"))).collect();
    for created in coordinator.enqueue(specs).await {
        created.unwrap();
    }
}

/// Reads up to the place `until`: how many events came, and which places were missed before them.
async fn read(feed: &mut dyn EventFeed, until: EventId) -> (usize, Option<(EventId, EventId)>) {
    let (mut told, mut gap) = (0, None);
    while feed.position() < until {
        let batch = feed.next().await.unwrap().unwrap();
        if let Some(missed) = batch.missed {
            assert_eq!((gap, told), (None, 0), "a gap is told once, and first");
            assert_eq!(batch.after, missed.after);
            gap = Some((missed.after, missed.until));
        }
        told += batch.events.len();
    }
    (told, gap)
}

#[tokio::test]
async fn what_was_dropped_is_missed() {
    let store = SparseStore(MemoryOptions::new().with_kept_events(700).build());
    let coordinator = Coordinator::builder(store).build().unwrap();
    create(&coordinator, 1_000).await;
    let nth = |n: u128| sparse(EventId::new(n));
    let newest = nth(1_000);
    for (follow, expected) in [
        // Several batches, and beyond what the log goes back.
        (
            Follow::new().after(nth(10)),
            (700, Some((nth(10), nth(300)))),
        ),
        (Follow::new().last(900), (700, None)),
        (Follow::new().last(5), (5, None)),
        (Follow::new().after(nth(998)), (2, None)),
        // Between two events there is none.
        (
            Follow::new().after(EventId::new(998 * STEP + 900)),
            (2, None),
        ),
    ] {
        let mut feed = coordinator.follow(follow.clone()).await.unwrap();
        assert_eq!(read(&mut *feed, newest).await, expected, "{follow:?}");
        assert_eq!(feed.position(), newest);
    }
}

#[tokio::test]
async fn a_feed_goes_on_from_any_position() {
    let (_, coordinator) = open().await;
    create(&coordinator, 1_000).await;
    create(&coordinator, 1_000).await;
    let newest = sparse(EventId::new(2_000));
    let mut feed = coordinator.follow(Follow::new().last(1_500)).await.unwrap();
    let mut left = 1_500;
    assert_eq!(feed.position(), sparse(EventId::new(500)));
    while left > 0 {
        let mut again = coordinator
            .follow(Follow::new().after(feed.position()))
            .await
            .unwrap();
        assert_eq!(read(&mut *again, newest).await, (left, None));
        left -= feed.next().await.unwrap().unwrap().events.len();
    }
    create(&coordinator, 3).await;
    let newest = sparse(EventId::new(2_003));
    assert_eq!(read(&mut *feed, newest).await, (3, None));
}
