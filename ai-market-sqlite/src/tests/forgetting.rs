//! What is remembered between steps never tells of a step that was rolled back.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ai_market_core::consensus::Policies;
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::market::{
    Claim, Claimed, Market, Progress, Ruling, StandingChange, SubmitOutcome,
};
use ai_market_core::store::{
    Absence, Addition, EventPage, EventQuery, LeaderboardQuery, ModelQuery, ModelReport,
    Place as Entry, StatsQuery, Step, StoreError, StoreStats, TallyQuery, TallyRow, TaskPage,
    TaskQuery, TaskStore, TaskTypeQuery, TaskTypeSummary, Transaction, Turn, WorkerProfile,
    WorkerQuery, WorkerSummary,
};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::task::TaskDetails;
use ai_market_core::time::Timestamp;
use async_trait::async_trait;
use futures_util::FutureExt;

use crate::SqliteStore;
use crate::error::Error;
use crate::writer::{MAX_REMEMBERED, Session};

use super::counters::assert_books_balance;
use super::faults::hold;
use super::fixture::{LEASE, Place, claim, insert, market, new_task, sentiment, vote, worker};

/// A store that keeps the steps of a market for a test to run, and answers as another one.
#[derive(Debug, Clone)]
struct Recorder {
    store: SqliteStore,
    steps: Arc<Mutex<Vec<Box<dyn Step>>>>,
}

#[async_trait]
impl TaskStore for Recorder {
    fn write(&self, step: Box<dyn Step>) {
        self.steps.lock().unwrap().push(step);
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

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Entry>, StoreError> {
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

fn profile(name: &str) -> WorkerProfile {
    let model = ModelIdentity::new("m").unwrap();
    WorkerProfile::new(worker(name), sentiment()).with_model(model)
}

/// Two tasks for one vote each; alice is known and dave is not.
async fn fill(place: &Place, store: &SqliteStore) -> [TaskId; 2] {
    let market = market(store);
    market.register(profile("alice")).await.unwrap();
    let tasks = [0, 1].map(|n| new_task(n).with_required_submissions(NonZeroU32::MIN));
    let ids = [tasks[0].id, tasks[1].id];
    market.insert(insert(tasks)).await.unwrap();
    place.at(1);
    ids
}

/// The steps of everything that leaves a trace in memory.
fn everything(store: &SqliteStore, [_, id]: [TaskId; 2]) -> Vec<Box<dyn Step>> {
    let steps = Arc::default();
    let store = Recorder {
        store: store.clone(),
        steps: Arc::clone(&steps),
    };
    let market = Market::new(store, Policies::default());
    let claim = |name| market.claim(Claim::new(worker(name), LEASE));
    let ruling = Ruling::Suspend("why".to_owned());
    let recorded = (
        claim("alice").now_or_never(),
        market.register(profile("dave")).now_or_never(),
        claim("dave").now_or_never(),
        market.submit(vec![vote(id, "dave")]).now_or_never(),
        market
            .set_standing(StandingChange::new(worker("alice"), ruling))
            .now_or_never(),
    );
    assert!(matches!(recorded, (None, None, None, None, None)));
    let mut steps = steps.lock().unwrap();
    assert_eq!(steps.len(), 5);
    steps.drain(..).collect()
}

fn run(session: &mut Session, steps: &mut [Box<dyn Step>]) -> Result<(), Error> {
    for step in steps {
        assert_eq!(step.run(session).map_err(Error::Step)?, Turn::Done);
    }
    Ok(())
}

/// The market is as if nothing had been tried, and goes on.
async fn assert_nothing_happened(place: &Place, store: &SqliteStore, ids: [TaskId; 2]) {
    let market = market(store);
    assert_books_balance(place);
    let claimed = market.claim(Claim::new(worker("dave"), LEASE)).await;
    assert_eq!(claimed.unwrap(), Claimed::UnknownWorker);
    market.register(profile("dave")).await.unwrap();
    assert_eq!(claim(&market, "alice", 2).await, ids);
    assert_eq!(claim(&market, "dave", 2).await, []);
    place.at(2);
    let [id, _] = ids;
    let submitted = market.submit(vec![vote(id, "alice")]).await.unwrap();
    let finalized = SubmitOutcome::Accepted(Progress::Finalized);
    assert_eq!(submitted.outcomes, [finalized]);
    let details = store.task(id).await.unwrap().unwrap();
    let model = details.submissions[0].model.as_ref();
    assert_eq!(model.unwrap().id(), "m");
    let stats = store.stats(StatsQuery::new(place.now())).await.unwrap();
    assert_eq!(stats.submissions, 1);
    assert_books_balance(place);
}

#[tokio::test]
async fn what_is_tried_here_succeeds_where_nothing_fails() {
    let place = Place::new();
    let store = place.open();
    let ids = fill(&place, &store).await;
    let mut steps = everything(&store, ids);
    let tried = store.with_session(move |session| run(session, &mut steps));
    tried.await.unwrap();
    let details = store.task(ids[1]).await.unwrap().unwrap();
    assert!(details.task.final_label().is_some());
    let alice = store.worker(worker("alice")).await.unwrap().unwrap();
    assert!(alice.standings.entry(None).is_some());
    assert_books_balance(&place);
}

#[tokio::test]
async fn a_step_that_failed_alone_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    let ids = fill(&place, &store).await;
    let mut steps = everything(&store, ids);
    let tried = store.with_session(move |session| {
        run(session, &mut steps)?;
        Err::<(), _>(Error::Panicked)
    });
    tried.await.unwrap_err();
    assert_nothing_happened(&place, &store, ids).await;
}

#[tokio::test]
async fn a_group_that_failed_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    let ids = fill(&place, &store).await;
    let mut steps = everything(&store, ids);
    let (release, held) = hold(&store).await;
    let tried = store.with_session(move |session| run(session, &mut steps));
    let broken = store.with_session(|session| Ok(session.db.script("ROLLBACK;")?));
    let release = async { drop(release) };
    let (tried, broken, ()) = tokio::join!(tried, broken, release);
    held.await.unwrap();
    tried.unwrap_err();
    broken.unwrap_err();
    assert_nothing_happened(&place, &store, ids).await;
}

#[tokio::test]
async fn clearing_forgets_what_its_own_group_did_before() {
    let place = Place::new();
    let store = place.open();
    fill(&place, &store).await;
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let before = market.insert(insert([new_task(2)]));
    let clear = market.clear();
    let after = market.insert(insert([new_task(3)]));
    let release = async { drop(release) };
    let (before, clear, after, ()) = tokio::join!(before, clear, after, release);
    held.await.unwrap();
    before.unwrap();
    clear.unwrap();
    after.unwrap();
    let stats = store.stats(StatsQuery::new(place.now())).await.unwrap();
    assert_eq!((stats.tasks_total(), stats.workers), (1, 0));
    assert_books_balance(&place);
}

#[tokio::test]
async fn so_many_records_are_remembered_and_no_more() {
    let place = Place::new();
    let store = place.open();
    let remembered = store.with_session(|session| {
        let mut remembered = Vec::new();
        for n in 0..=MAX_REMEMBERED {
            session.record(
                &TaskType::sentiment(),
                Some(&worker(&format!("worker {n}"))),
            )?;
            remembered.push(session.records.len());
        }
        Ok(remembered)
    });
    let remembered = remembered.await.unwrap();
    let expected = (1..=MAX_REMEMBERED).chain([1]);
    assert!(remembered.into_iter().eq(expected));
}

#[tokio::test]
async fn a_worker_heard_of_in_the_same_group_is_not_silent() {
    let place = Place::new();
    let store = place.open();
    market(&store).register(profile("alice")).await.unwrap();
    place.at(100);
    let silent = store.with_session(|session| {
        let alice = worker("alice");
        let count = |session: &mut Session| {
            let silent = session.workers_silent(Absence::Present, Duration::ZERO, 9);
            silent.map(|silent| silent.len())
        };
        let before = count(session).map_err(Error::Step)?;
        let seen = session.add(Addition::Seen(&alice));
        seen.map_err(Error::Step)?;
        Ok((before, count(session).map_err(Error::Step)?))
    });
    assert_eq!(silent.await.unwrap(), (1, 0));
}
