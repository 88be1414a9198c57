//! How many task types, models and workers a coordinator lets into a market.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::Arc;

use ai_market_core::api::{ApiError, ClaimRequest, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{MemoryOptions, MemoryStore, WorkerProfile};
use ai_market_core::submission::{ModelIdentity, Vote};
use ai_market_core::time::{ManualClock, Timestamp};

fn seconds(n: i64) -> Timestamp {
    Timestamp::from_micros(n * 1_000_000)
}

fn store(clock: &ManualClock) -> Arc<MemoryStore> {
    Arc::new(MemoryOptions::new().with_clock(clock.clone()).build())
}

fn market(clock: &ManualClock, change: impl FnOnce(&mut Limits)) -> Coordinator {
    on_store(store(clock), change)
}

fn on_store(store: Arc<MemoryStore>, change: impl FnOnce(&mut Limits)) -> Coordinator {
    let mut limits = Limits::default();
    change(&mut limits);
    Coordinator::builder(store).limits(limits).build().unwrap()
}

fn model(id: &str) -> ModelIdentity {
    ModelIdentity::new(id).unwrap()
}

fn worker(id: &str) -> WorkerId {
    WorkerId::new(id).unwrap()
}

fn profile<const N: usize>(id: &str, types: [&str; N]) -> WorkerProfile {
    WorkerProfile::new(worker(id), types.map(|of| TaskType::new(of).unwrap()))
}

fn spec(of: &str) -> TaskSpec {
    TaskSpec::new("a")
        .with_task_type(TaskType::new(of).unwrap())
        .with_required_submissions(NonZeroU32::MIN)
}

async fn create(market: &Coordinator, of: &str) -> Result<TaskId, ApiError> {
    market.enqueue(vec![spec(of)]).await.remove(0)
}

/// Where it stands of the field that was refused for being one too many.
fn field<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MarketFull);
    assert!(error.is_transient() && error.retry_after().is_some());
    error.field().unwrap().to_owned()
}

#[tokio::test]
async fn task_types_are_limited() {
    let clock = ManualClock::new(seconds(0));
    let market = market(&clock, |limits| limits.max_task_types = 2);
    let specs = ["a", "b", "c", "a"].map(spec).to_vec();
    let results = market.enqueue(specs).await;
    let created: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(created, [true, true, false, true]);
    assert_eq!(field(results.into_iter().nth(2).unwrap()), "task_type");
    clock.set(seconds(9));
    assert_eq!(field(create(&market, "c").await), "task_type");
    let refused = market.register(profile("alice", ["a", "c"])).await;
    assert_eq!(field(refused), "capabilities");
    assert_eq!(market.stats().await.unwrap().workers, 0);
    market.register(profile("alice", ["a", "b"])).await.unwrap();
}

#[tokio::test]
async fn a_task_type_that_is_no_longer_in_use_makes_room() {
    let clock = ManualClock::new(seconds(0));
    let market = market(&clock, |limits| limits.max_task_types = 2);
    market.register(profile("alice", ["a", "b"])).await.unwrap();
    assert_eq!(field(create(&market, "c").await), "task_type");
    market.register(profile("alice", ["a"])).await.unwrap();
    // Names that were admitted lately may be about to come.
    clock.set(seconds(1));
    assert_eq!(field(create(&market, "c").await), "task_type");
    clock.set(seconds(2));
    create(&market, "c").await.unwrap();
    assert_eq!(field(create(&market, "d").await), "task_type");
}

#[tokio::test]
async fn names_that_are_in_the_store_count() {
    let clock = ManualClock::new(seconds(0));
    let store = store(&clock);
    let before = on_store(Arc::clone(&store), |_| ());
    for of in ["a", "b", "c"] {
        let profile = profile(of, [of]).with_model(model(of));
        before.register(profile).await.unwrap();
    }
    let market = on_store(store, |limits| {
        limits.max_task_types = 2;
        limits.max_models = 2;
        limits.max_workers = 2;
    });
    create(&market, "c").await.unwrap();
    assert_eq!(field(create(&market, "d").await), "task_type");
    let with = |id, of, named| profile(id, [of]).with_model(model(named));
    market.register(with("c", "a", "b")).await.unwrap();
    assert_eq!(field(market.register(with("c", "a", "d")).await), "model");
    assert_eq!(
        field(market.register(with("d", "a", "a")).await),
        "worker_id"
    );
    market.reset().await.unwrap();
    market.register(with("d", "d", "d")).await.unwrap();
}

#[tokio::test]
async fn workers_are_limited_however_they_come() {
    let clock = ManualClock::new(seconds(0));
    let market = market(&clock, |limits| limits.max_workers = 2);
    market.register(profile("alice", ["a"])).await.unwrap();
    market
        .claim(ClaimRequest::new(worker("bob")))
        .await
        .unwrap();
    for at in [0, 9] {
        clock.set(seconds(at));
        let refused = market.register(profile("carole", ["a"])).await;
        assert_eq!(field(refused), "worker_id");
        let refused = market.claim(ClaimRequest::new(worker("carole"))).await;
        assert_eq!(field(refused), "worker_id");
        market.register(profile("alice", ["b"])).await.unwrap();
        market
            .claim(ClaimRequest::new(worker("bob")))
            .await
            .unwrap();
    }
    assert_eq!(market.stats().await.unwrap().workers, 2);
}

#[tokio::test]
async fn a_vote_with_a_model_too_many_counts_without_it() {
    let clock = ManualClock::new(seconds(0));
    let market = market(&clock, |limits| limits.max_models = 1);
    let alice = worker("alice");
    market.register(profile("alice", ["a"])).await.unwrap();
    for named in ["m", "n", "m"] {
        let task = create(&market, "a").await.unwrap();
        let claimed = market
            .claim(ClaimRequest::new(alice.clone()))
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
        let label = Label::new("x").unwrap();
        let vote = Vote::new(task, alice.clone(), label, Confidence::ONE);
        let vote = vote.with_model(model(named));
        market.submit(vec![vote]).await.remove(0).unwrap();
    }
    let models = market.models(None, 9).await.unwrap().into_iter();
    let models = models.map(|of| (of.model, of.tally.submissions));
    assert_eq!(
        models.collect::<Vec<_>>(),
        [(None, 1), (Some(model("m")), 2)]
    );
}
