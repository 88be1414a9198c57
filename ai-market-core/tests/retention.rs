//! Closed tasks that a coordinator no longer keeps.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::coordinator::{Coordinator, InvalidSettings, Settings};
use ai_market_core::store::MemoryOptions;
use ai_market_core::time::{ManualClock, Timestamp};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3_600);

/// More than one step looks at.
const TASKS: u64 = 250;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn keeping(keep_closed: Option<Duration>) -> Settings {
    let mut settings = Settings::default();
    settings.keep_closed = keep_closed;
    settings
}

/// A market with tasks that were cancelled at the start, and one that is open.
async fn market(clock: &ManualClock, keep_closed: Option<Duration>) -> Coordinator {
    let store = Arc::new(MemoryOptions::new().with_clock(clock.clone()).build());
    let builder = Coordinator::builder(store).settings(keeping(keep_closed));
    let market = builder.build().unwrap();
    let specs = (0..TASKS).map(|_| TaskSpec::new("a")).collect();
    for id in market.enqueue(specs).await {
        market.cancel(id.unwrap(), None).await.unwrap();
    }
    market
        .enqueue(vec![TaskSpec::new("a")])
        .await
        .remove(0)
        .unwrap();
    market
}

async fn tasks(market: &Coordinator) -> u64 {
    market.stats().await.unwrap().tasks_total()
}

fn pruned(market: &Coordinator) -> f64 {
    let families = market.registry().gather();
    let family = families
        .iter()
        .find(|family| family.name() == "ai_market_tasks_pruned_total");
    family.unwrap().get_metric()[0].get_counter().get_value()
}

#[tokio::test]
async fn tasks_are_deleted_once_they_are_closed_for_as_long_as_they_are_kept() {
    let clock = ManualClock::new(at(0));
    let market = market(&clock, Some(HOUR)).await;
    clock.set(at(3_600));
    assert_eq!(market.prune_now().await.unwrap(), 0, "for longer than that");
    clock.set(at(3_601));
    assert_eq!(market.prune_now().await.unwrap(), TASKS);
    assert_eq!(tasks(&market).await, 1);
    assert_eq!(pruned(&market), TASKS as f64);
    assert_eq!(market.prune_now().await.unwrap(), 0);
}

#[tokio::test]
async fn tasks_are_kept_where_nothing_is_said() {
    let clock = ManualClock::new(at(0));
    let market = market(&clock, None).await;
    clock.set(at(1_000_000_000));
    assert_eq!(market.prune_now().await.unwrap(), 0);
    assert_eq!(tasks(&market).await, TASKS + 1);
}

#[tokio::test(start_paused = true)]
async fn a_running_coordinator_deletes_them_by_itself() {
    let clock = ManualClock::new(at(0));
    let market = market(&clock, Some(HOUR)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (market, stop) = (market.clone(), stop.clone());
        async move { market.run(stop).await }
    });
    tokio::time::sleep(HOUR).await;
    assert_eq!(tasks(&market).await, TASKS + 1, "the market's clock stands");
    clock.set(at(7_200));
    tokio::time::sleep(HOUR).await;
    assert_eq!(tasks(&market).await, 1);
    stop.cancel();
    running.await.unwrap();
}

#[test]
fn closed_tasks_are_kept_for_a_lease_at_least() {
    let lease = Settings::default().lease;
    assert_eq!(keeping(Some(lease)).check(), Ok(()));
    let keep = lease - Duration::from_millis(1);
    let refused = keeping(Some(keep)).check();
    assert_eq!(refused, Err(InvalidSettings::KeepClosed { lease, keep }));
}
