//! How much later claims are answered while closed tasks are deleted.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench retention
//! ```
//!
//! A market on SQLite is filled with `RETENTION_TASKS` (1,000,000) decided tasks. Then workers claim one
//! task at a time at a steady pace, `RETENTION_CLAIMS` (1,000) a second together, each answered at once;
//! first without and then beside a coordinator that keeps closed tasks for a second, until the old
//! ones are deleted, and once more without. All of it is in one process, on one disk. With the usual
//! number it takes a quarter of an hour.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ai_market_benches::{Failure, fill, setting};
use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Coordinator, Settings};
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::{TaskStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_sqlite::SqliteStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How many workers share the claims.
const WORKERS: u32 = 20;

/// The shortest measurement.
const SHORTEST: Duration = Duration::from_secs(10);

/// How long each claim took.
type Times = Arc<Mutex<Vec<Duration>>>;

/// One task life after the other at a steady pace, until it is stopped.
async fn live(
    coordinator: Coordinator,
    number: u32,
    interval: Duration,
    times: Times,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let task_type = TaskType::new("timed")?;
    let worker = WorkerId::new(format!("timed-{number}"))?;
    let profile = WorkerProfile::new(worker.clone(), [task_type.clone()]);
    coordinator.register(profile).await?;
    let label = Label::new("positive")?;
    let mut ticks = tokio::time::interval(interval);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let spec = TaskSpec::new("A text of ordinary length.")
            .with_task_type(task_type.clone())
            .with_required_submissions(NonZeroU32::MIN);
        for created in coordinator.enqueue(vec![spec]).await {
            created?;
        }
        let begun = Instant::now();
        let claimed = coordinator.claim(ClaimRequest::new(worker.clone())).await?;
        let took = begun.elapsed();
        times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(took);
        for task in claimed {
            let vote = Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE);
            for receipt in coordinator.submit(vec![vote]).await {
                receipt?;
            }
        }
    }
    Ok(())
}

/// Measures claims until `done`, and says how long they took.
async fn measure(
    coordinator: &Coordinator,
    what: &str,
    done: impl AsyncFn() -> Result<(), Failure>,
) -> Result<[f64; 2], Failure> {
    let claims = u32::try_from(setting("RETENTION_CLAIMS", 1_000)?)?;
    let interval = Duration::from_secs(1) * WORKERS / claims;
    let (times, stop) = (Times::default(), CancellationToken::new());
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let (times, stop) = (Arc::clone(&times), stop.clone());
        workers.spawn(live(coordinator.clone(), number, interval, times, stop));
    }
    let begun = Instant::now();
    done().await?;
    let took = begun.elapsed().as_secs_f64();
    stop.cancel();
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let mut times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    times.sort_unstable();
    let part = |part: f64| {
        let place = (times.len().saturating_sub(1) as f64 * part) as usize;
        times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    let (median, p99) = (part(0.5), part(0.99));
    println!(
        "{what}: {:.0} claims/s for {took:.0} s, median {median:.2} ms, p99 {p99:.2} ms",
        times.len() as f64 / took
    );
    Ok([median, p99])
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let tasks = setting("RETENTION_TASKS", 1_000_000)?;
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn TaskStore> = Arc::new(SqliteStore::open(folder.path().join("market.db"))?);
    let coordinator = Coordinator::builder(Arc::clone(&store)).build()?;
    let begun = Instant::now();
    fill(&coordinator, tasks).await?;
    println!(
        "{tasks} tasks were decided in {:.0} s",
        begun.elapsed().as_secs_f64()
    );

    let rest = async || {
        tokio::time::sleep(SHORTEST).await;
        Ok(())
    };
    let before = measure(&coordinator, "without", rest).await?;

    let mut settings = Settings::default();
    settings.lease = Duration::from_secs(1);
    settings.heartbeat = Duration::from_millis(400);
    settings.keep_closed = Some(settings.lease);
    let pruning = Coordinator::builder(store).settings(settings).build()?;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (pruning, stop) = (pruning.clone(), stop.clone());
        async move { pruning.run(stop).await }
    });
    let pruned = async || {
        // What is closed meanwhile goes as well, once it is old enough.
        let few = 5 * setting("RETENTION_CLAIMS", 1_000)?;
        while coordinator.stats().await?.tasks_total() > few {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    };
    let beside = measure(&coordinator, "beside deletions", pruned).await?;
    stop.cancel();
    running.await?;
    let after = measure(&coordinator, "without, after", rest).await?;

    let of = |n: usize| beside[n] / before[n].max(after[n]);
    println!(
        "claims beside the deletion of {tasks} closed tasks: median {:.2} times, p99 {:.2} times that without",
        of(0),
        of(1)
    );
    Ok(())
}
