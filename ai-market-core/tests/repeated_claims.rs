//! Claims with a request id that are repeated, through a coordinator. Time is paused: it goes on only
//! when everybody sleeps, so a wake-up that was missed is seen by the clock.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{RequestId, TaskId, TaskType, WorkerId};
use ai_market_core::store::{MemoryStore, WorkerProfile};
use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio::time::Instant;

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

async fn market(registry: &Registry, names: &[&str]) -> Coordinator {
    let market = Coordinator::builder(MemoryStore::new()).registry(registry.clone());
    let market = market.build().unwrap();
    for name in names {
        let profile = WorkerProfile::new(worker(name), [TaskType::sentiment()]);
        market.register(profile).await.unwrap();
    }
    market
}

/// Puts in `n` tasks of one vote at once.
async fn tasks(market: &Coordinator, n: usize) -> Vec<TaskId> {
    let spec = TaskSpec::new("a text").with_required_submissions(NonZeroU32::MIN);
    let created = market.enqueue(vec![spec; n]).await;
    created.into_iter().map(Result::unwrap).collect()
}

fn request(name: &str) -> ClaimRequest {
    ClaimRequest::new(worker(name)).with_request(RequestId::numbered(1))
}

/// A claim that waits for a task.
async fn waiting(market: &Coordinator, name: &str) -> JoinHandle<Vec<TaskId>> {
    let (market, request) = (market.clone(), request(name));
    let waiting = tokio::spawn(async move {
        let request = request.with_wait(Duration::from_secs(30));
        let tasks = market.claim(request).await.unwrap();
        tasks.iter().map(|task| task.task).collect()
    });
    // It comes to where it waits.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    waiting
}

fn granted(registry: &Registry) -> f64 {
    let families = registry.gather();
    let granted = families
        .iter()
        .filter(|family| family.name() == "ai_market_leases_granted_total");
    let granted = granted.flat_map(|family| family.get_metric());
    granted.map(|metric| metric.get_counter().get_value()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_repeated_claim_is_counted_once() {
    let registry = Registry::new();
    let market = market(&registry, &["alice"]).await;
    tasks(&market, 5).await;
    let claim = async || {
        let claimed = market.claim(request("alice").with_limit(2)).await;
        let tasks = claimed.unwrap().into_iter().map(|task| task.task);
        tasks.collect::<Vec<_>>()
    };
    let first = claim().await;
    assert_eq!((first.len(), claim().await), (2, first));
    assert_eq!(granted(&registry), 2.0);
}

/// The first of them to be woken claims; the other gets the same tasks, and passes its wake-up on.
#[tokio::test(start_paused = true)]
async fn two_waiting_claims_of_one_request_id_get_the_same_tasks() {
    let registry = Registry::new();
    let market = market(&registry, &["alice", "bob"]).await;
    let first = waiting(&market, "alice").await;
    let again = waiting(&market, "alice").await;
    let bob = waiting(&market, "bob").await;
    let begun = Instant::now();
    let ids = tasks(&market, 2).await;
    assert_eq!(first.await.unwrap(), ids[..1]);
    assert_eq!(again.await.unwrap(), ids[..1]);
    assert_eq!(bob.await.unwrap(), ids[1..]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(granted(&registry), 2.0);
}

/// The connection of a waiting claim breaks, and the worker does not know whether it got something.
#[tokio::test(start_paused = true)]
async fn a_claim_is_repeated_while_the_first_one_still_waits() {
    let registry = Registry::new();
    let market = market(&registry, &["alice"]).await;
    let first = waiting(&market, "alice").await;
    let ids = tasks(&market, 1).await;
    let again = market.claim(request("alice")).await.unwrap();
    let again: Vec<_> = again.iter().map(|task| task.task).collect();
    assert_eq!(again, ids);
    assert_eq!(first.await.unwrap(), ids);
    assert_eq!(granted(&registry), 1.0);
}
