//! Whoever waits is woken by what it waits for, and not by looking again after a while. Time is
//! paused: it goes on only when everybody sleeps, so a wake-up that was missed is seen by the clock.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, ReleaseRequest, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::{Ballot, ConsensusPolicy, MajorityVote, Updates, Verdict};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, PolicyName, TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    EventPage, EventQuery, LeaderboardQuery, MemoryStore, ModelQuery, ModelReport, Needs, Place,
    StatsQuery, Step, StoreError, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, TaskStore,
    TaskTypeQuery, TaskTypeSummary, Transaction, TransactionError, Turn, WorkerProfile,
    WorkerQuery, WorkerSummary,
};
use ai_market_core::submission::Vote;
use ai_market_core::task::{TaskDetails, TaskStatus};
use ai_market_core::time::Timestamp;
use async_trait::async_trait;
use futures_util::FutureExt;
use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const LONG: Duration = Duration::from_secs(30);

/// A store whose steps are committed at once, and finished when the test says so.
#[derive(Debug, Clone, Default)]
struct SlowToFinish {
    rows: Arc<MemoryStore>,
    held: Arc<Mutex<Option<Vec<Finish>>>>,
}

type Finish = (Box<dyn Step>, Result<(), StoreError>);

struct Held {
    step: Option<Box<dyn Step>>,
    held: Arc<Mutex<Option<Vec<Finish>>>>,
}

impl Step for Held {
    fn needs(&self) -> Needs {
        Needs::new()
    }

    fn is_abandoned(&self) -> bool {
        self.step.as_ref().is_some_and(|step| step.is_abandoned())
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        self.step.as_mut().unwrap().run(tx)
    }

    fn finish(mut self: Box<Self>, result: Result<(), StoreError>) {
        let step = self.step.take().unwrap();
        let mut held = self.held.lock().unwrap();
        match held.as_mut() {
            Some(held) => held.push((step, result)),
            None => step.finish(result),
        }
    }
}

impl SlowToFinish {
    fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }

    fn release(&self) {
        let held = self.held.lock().unwrap().take();
        for (step, result) in held.into_iter().flatten() {
            step.finish(result);
        }
    }
}

#[async_trait]
impl TaskStore for SlowToFinish {
    fn write(&self, step: Box<dyn Step>) {
        let held = Arc::clone(&self.held);
        self.rows.write(Box::new(Held {
            step: Some(step),
            held,
        }));
    }

    fn now(&self) -> Timestamp {
        self.rows.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.rows.task(id).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.rows.tasks(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.rows.worker(id).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.rows.workers(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.rows.leaderboard(query).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.rows.tallies(query).await
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        self.rows.models(query).await
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        self.rows.task_types(query).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.rows.stats(query).await
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.rows.events(query).await
    }
}

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

async fn register(market: &Coordinator, names: &[&str]) {
    for name in names {
        let profile = WorkerProfile::new(worker(name), [TaskType::sentiment()]);
        market.register(profile).await.unwrap();
    }
}

async fn task(market: &Coordinator, votes: u32) -> TaskId {
    let votes = NonZeroU32::new(votes).unwrap();
    let spec = TaskSpec::new("a text")
        .with_required_submissions(votes)
        .with_max_submissions(votes.saturating_add(1));
    let mut ids = market.enqueue(vec![spec]).await;
    ids.remove(0).unwrap()
}

async fn vote(market: &Coordinator, id: TaskId, name: &str) {
    let label = Label::new("positive").unwrap();
    let vote = Vote::new(id, worker(name), label, Confidence::ONE);
    market.submit(vec![vote]).await.remove(0).unwrap();
}

/// A worker that waits for a task.
fn waiting(market: &Coordinator, name: &str) -> JoinHandle<Vec<TaskId>> {
    let (market, worker) = (market.clone(), worker(name));
    tokio::spawn(async move {
        let request = ClaimRequest::new(worker).with_wait(LONG);
        let tasks = market.claim(request).await.unwrap();
        tasks.iter().map(|task| task.task).collect()
    })
}

/// Lets those that were spawned come to where they wait.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_task_wakes_a_waiting_worker() {
    let market = Coordinator::builder(MemoryStore::new()).build().unwrap();
    register(&market, &["alice"]).await;
    let alice = waiting(&market, "alice");
    settle().await;
    let begun = Instant::now();
    let id = task(&market, 1).await;
    assert_eq!(alice.await.unwrap(), [id]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_returned_lease_wakes_a_waiting_worker() {
    let market = Coordinator::builder(MemoryStore::new()).build().unwrap();
    register(&market, &["alice", "bob"]).await;
    let id = task(&market, 1).await;
    let claimed = market.claim(ClaimRequest::new(worker("bob"))).await;
    assert_eq!(claimed.unwrap().len(), 1);
    let alice = waiting(&market, "alice");
    settle().await;
    let begun = Instant::now();
    let back = ReleaseRequest::new(worker("bob"), vec![id]);
    market.release(back).await.unwrap();
    assert_eq!(alice.await.unwrap(), [id]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_decision_wakes_a_waiting_client() {
    let market = Coordinator::builder(MemoryStore::new()).build().unwrap();
    register(&market, &["alice"]).await;
    let id = task(&market, 1).await;
    market
        .claim(ClaimRequest::new(worker("alice")))
        .await
        .unwrap();
    let client = {
        let market = market.clone();
        tokio::spawn(async move { market.task(id, LONG).await.unwrap().task.status() })
    };
    settle().await;
    let begun = Instant::now();
    vote(&market, id, "alice").await;
    assert_eq!(client.await.unwrap(), TaskStatus::Finalized);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// Asks for one vote more than is required.
#[derive(Debug)]
struct OneMore;

impl ConsensusPolicy for OneMore {
    fn name(&self) -> PolicyName {
        PolicyName::new("one-more/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        if ballot.votes.len() > ballot.task.required_submissions as usize {
            MajorityVote.conclude(ballot)
        } else {
            Verdict::Extend(NonZeroU32::MIN)
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        MajorityVote.conclude(ballot)
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

#[tokio::test(start_paused = true)]
async fn an_extended_task_wakes_a_waiting_worker() {
    let market = Coordinator::builder(MemoryStore::new()).policy(OneMore);
    let market = market.build().unwrap();
    register(&market, &["alice", "bob"]).await;
    let id = task(&market, 1).await;
    market
        .claim(ClaimRequest::new(worker("bob")))
        .await
        .unwrap();
    let alice = waiting(&market, "alice");
    settle().await;
    let begun = Instant::now();
    vote(&market, id, "bob").await;
    assert_eq!(alice.await.unwrap(), [id]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

fn created(registry: &Registry) -> f64 {
    let families = registry.gather();
    let created = families
        .iter()
        .filter(|family| family.name() == "ai_market_tasks_created_total");
    let created = created.flat_map(|family| family.get_metric());
    created.map(|metric| metric.get_counter().get_value()).sum()
}

/// The caller hangs up after its step began: the step is committed, and everybody hears of it.
#[tokio::test(start_paused = true)]
async fn what_was_committed_is_told_though_its_caller_has_left() {
    let store = SlowToFinish::default();
    let registry = Registry::new();
    let market = Coordinator::builder(store.clone()).registry(registry.clone());
    let market = market.build().unwrap();
    register(&market, &["alice"]).await;
    let alice = waiting(&market, "alice");
    settle().await;
    let begun = Instant::now();
    store.hold();
    let left = task(&market, 1).now_or_never();
    assert!(
        left.is_none(),
        "the caller left before it heard of its task"
    );
    store.release();
    assert_eq!(alice.await.unwrap().len(), 1);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(created(&registry), 1.0);
}
