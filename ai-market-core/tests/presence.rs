//! Who counts as stale, by the signs of life that a store notes.

// A test speaks by panicking.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use ai_market_core::api::{ClientApi, Heartbeat, WorkerApi};
use ai_market_core::coordinator::{Coordinator, Settings};
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{MemoryOptions, Presence, WorkerProfile};
use ai_market_core::time::{ManualClock, Timestamp};

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_millis(milliseconds))
}

/// A store notes a sign of life once a second, however often a worker sends one.
#[tokio::test]
async fn a_punctual_worker_is_never_stale_however_short_its_heartbeat_is() {
    let clock = ManualClock::new(at(0));
    let store = MemoryOptions::new().with_clock(clock.clone()).build();
    let mut settings = Settings::default();
    settings.heartbeat = Duration::from_millis(300);
    let coordinator = Coordinator::builder(store)
        .settings(settings)
        .build()
        .unwrap();
    let alice = WorkerId::new("alice").unwrap();
    let profile = WorkerProfile::new(alice.clone(), [TaskType::sentiment()]);
    coordinator.register(profile).await.unwrap();
    let presence = async || {
        let worker = coordinator.worker(alice.clone()).await.unwrap();
        worker.status.presence
    };
    // From the first rounds of maintenance on it is known that somebody serves.
    for step in 0..200 {
        clock.set(at(step * 50));
        if step % 6 == 0 {
            let beat = Heartbeat::new(alice.clone());
            coordinator.heartbeat(beat).await.unwrap();
        }
        coordinator.reap_now().await.unwrap();
        assert_eq!(presence().await, Presence::Active, "after {} ms", step * 50);
    }
    // Noted last at 9,600 ms: stale after two heartbeats and a second, gone after three and a second.
    clock.set(at(11_300));
    coordinator.reap_now().await.unwrap();
    assert_eq!(presence().await, Presence::Stale);
    let stats = coordinator.stats().await.unwrap();
    assert_eq!(stats.workers_in(Presence::Stale), 1);
}
