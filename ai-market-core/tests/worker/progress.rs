//! What can be seen of a worker while it works.

use std::time::Duration;

use ai_market_core::api::ErrorCode;
use ai_market_core::id::WorkerId;
use ai_market_core::inference::InferenceError;
use ai_market_core::worker::{WorkerError, WorkerState};
use prometheus::{Registry, TextEncoder};
use tokio_util::sync::CancellationToken;

use super::support::{Flaky, Market, Model, until, worker};

#[tokio::test(start_paused = true)]
async fn what_a_worker_is_at_can_be_watched() {
    let market = Market::open();
    let api = Flaky::new(market.coordinator.clone(), 2, ErrorCode::Unreachable);
    let model = Model::positive().takes(Duration::from_secs(1));
    let alice = worker("alice", api, model).build().unwrap();
    let mut progress = alice.progress();
    assert_eq!(progress.now().state, WorkerState::Stopped);
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    let seen = tokio::spawn({
        let mut progress = progress.clone();
        async move {
            let mut seen = vec![progress.now().state];
            while progress.changed().await {
                let state = progress.now().state;
                if seen.last() != Some(&state) {
                    seen.push(state);
                }
            }
            seen
        }
    });
    until(|| async { progress.now().state == WorkerState::Waiting }).await;
    market.tasks(6, 1).await;
    while progress.now().report.accepted < 6 {
        assert!(progress.changed().await);
    }
    market.tasks(1, 1).await;
    until(|| async { progress.now().state == WorkerState::Computing { tasks: 1 } }).await;
    stop.cancel();
    let report = run.await.unwrap().unwrap();
    let last = progress.now();
    assert_eq!((last.state, last.held), (WorkerState::Stopped, 0));
    assert_eq!((last.report, last.report.accepted), (report, 7));
    // Two words each; a batch takes at most four.
    assert_eq!(last.tokens, 14);
    assert!((3..=7).contains(&last.batches), "{last:?}");
    assert_eq!(last.busy, Duration::from_secs(last.batches));
    let seen = seen.await.unwrap();
    assert_eq!(
        seen[..3],
        [
            WorkerState::Connecting,
            WorkerState::Waiting,
            WorkerState::Computing { tasks: 4 }
        ],
        "{seen:?}"
    );
    assert_eq!(
        seen[seen.len() - 3..],
        [
            WorkerState::Computing { tasks: 1 },
            WorkerState::Stopping,
            WorkerState::Stopped
        ],
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_suspended_worker_and_a_dropped_one_are_seen_as_such() {
    let market = Market::open();
    let alice = market.worker("alice", Model::positive()).build().unwrap();
    let progress = alice.progress();
    let run = tokio::spawn(async move { alice.run(CancellationToken::new()).await });
    until(|| async { progress.now().state == WorkerState::Waiting }).await;
    let name = WorkerId::new("alice").unwrap();
    let coordinator = &market.coordinator;
    coordinator
        .suspend(&name, None, "for a test")
        .await
        .unwrap();
    until(|| async { progress.now().state == WorkerState::Suspended }).await;
    coordinator.reinstate(&name, None).await.unwrap();
    until(|| async { progress.now().state == WorkerState::Waiting }).await;
    run.abort();
    until(|| async { progress.now().state == WorkerState::Stopped }).await;
}

/// The line of a metric in the text format.
fn shown(registry: &Registry, metric: &str) -> Option<String> {
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(metric));
    line.map(|value| value.trim().to_owned())
}

#[tokio::test(start_paused = true)]
async fn workers_of_one_registry_are_told_apart() {
    let market = Market::open();
    let registry = Registry::new();
    let model = || {
        Model::new(|text| match text {
            "text 0" => Err(InferenceError::UnreadableInput("no words".to_owned())),
            _ => Ok("positive"),
        })
    };
    let api = Flaky::new(market.coordinator.clone(), 2, ErrorCode::Unavailable);
    let alice = worker("alice", api, model()).registry(registry.clone());
    let alice = alice.build().unwrap();
    let bob = market.worker("bob", model()).registry(registry.clone());
    let bob = bob.build().unwrap();
    let twice = market.worker("bob", model()).registry(registry.clone());
    assert!(matches!(twice.build(), Err(WorkerError::Metrics(_))));

    market.tasks(5, 1).await;
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { (alice.run(stop).await, alice) }
    });
    let of = |name: &str, labels: &str| {
        let metric = format!("ai_market_worker_{name}{{{labels}}}");
        shown(&registry, &metric)
    };
    let is = |name: &str, labels: &str, value: &str| {
        assert_eq!(of(name, labels).as_deref(), Some(value), "{name}{labels}");
    };
    let accepted = r#"outcome="accepted",worker_id="alice""#;
    until(|| async { of("tasks_total", accepted).is_some_and(|n| n == "4") }).await;
    stop.cancel();
    let (report, alice) = run.await.unwrap();
    let report = report.unwrap();
    let claimed = report.claimed.to_string();
    is("tasks_claimed_total", r#"worker_id="alice""#, &claimed);
    let failed = report.failed.to_string();
    is(
        "tasks_total",
        r#"outcome="failed",worker_id="alice""#,
        &failed,
    );
    is("tokens_total", r#"worker_id="alice""#, "8");
    is("leases", r#"worker_id="alice""#, "0");
    is("batch_size_sum", r#"worker_id="alice""#, &claimed);
    assert!(of("inference_duration_seconds_count", r#"worker_id="alice""#).is_some());
    let registering = r#"call="register",code="unavailable",worker_id="alice""#;
    is("api_errors_total", registering, "1");
    is("tasks_total", r#"outcome="accepted",worker_id="bob""#, "0");

    // With the worker its metrics go, and its id is free again.
    drop(alice);
    assert_eq!(of("leases", r#"worker_id="alice""#), None);
    is("leases", r#"worker_id="bob""#, "0");
    drop(bob);
    assert!(registry.gather().is_empty());
    let again = market.worker("bob", model()).registry(registry.clone());
    assert!(again.build().is_ok());
}
