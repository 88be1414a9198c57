//! What questions cost in a small market and in a large one: 20,000 task types, 20,000 models and
//! 50,000 workers.
//!
//! ```text
//! cargo bench -p ai-market-sqlite --bench reads
//! ```
//!
//! Both answers are of the same size, so the two times should differ by the height of some indexes.

use std::future::Future;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{Claim, Claimed, Insert, Market};
use ai_market_core::store::{
    LeaderboardQuery, ModelQuery, StatsQuery, StoreError, TallyBy, TallyQuery, TaskQuery,
    TaskStore, TaskTypeQuery, WorkerProfile,
};
use ai_market_core::submission::{ModelIdentity, Vote};
use ai_market_core::task::{NewTask, TaskStatus};
use ai_market_core::time::{Clock, SystemClock};
use ai_market_sqlite::SqliteStore;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How much is in a market.
#[derive(Debug, Clone, Copy)]
struct Size {
    types: usize,
    models: usize,
    workers: usize,
}

const SMALL: Size = Size {
    types: 150,
    models: 150,
    workers: 400,
};

const LARGE: Size = Size {
    types: 20_000,
    models: 20_000,
    workers: 50_000,
};

/// How many callers fill a market at a time.
const CALLERS: usize = 64;

/// How much is on a page: no more than the small market has of each.
const PAGE: usize = 50;

fn task_type(n: usize) -> Result<TaskType, Failed> {
    Ok(TaskType::new(format!("type-{n:05}"))?)
}

fn worker(n: usize) -> Result<WorkerId, Failed> {
    Ok(WorkerId::new(format!("worker-{n:05}"))?)
}

/// Does something for each number below `n`, some at a time.
async fn each<F>(
    n: usize,
    work: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> Result<(), Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let work = work.clone();
        callers.push(tokio::spawn(async move {
            for n in (caller..n).step_by(CALLERS) {
                work(n).await?;
            }
            Ok::<_, Failed>(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    Ok(())
}

async fn put(market: &Market, of: &TaskType, tasks: usize) -> Result<(), Failed> {
    let tasks = (0..tasks).map(|_| {
        NewTask::new(TaskId::generate(SystemClock.now()), "a text")
            .with_task_type(of.clone())
            .with_required_submissions(NonZeroU32::MIN)
    });
    market.insert(Insert::new(tasks.collect())).await?;
    Ok(())
}

/// Claims a task and answers it, or keeps it.
async fn work(market: &Market, n: usize, answers: bool) -> Result<(), Failed> {
    let worker = worker(n)?;
    let claim = Claim::new(worker.clone(), Duration::from_secs(3_600));
    let Claimed::Assigned(tasks) = market.claim(claim).await? else {
        return Err("a worker cannot claim".into());
    };
    let votes: Result<Vec<_>, Failed> = tasks
        .iter()
        .filter(|_| answers)
        .map(|task| {
            let label = Label::new("positive")?;
            Ok(Vote::new(task.task, worker.clone(), label, Confidence::ONE))
        })
        .collect();
    market.submit(votes?).await?;
    Ok(())
}

/// Every worker serves one type of many with a model of its own, and the first type. A fifth of the
/// workers have answered a task, and a fifth hold one.
async fn open(path: &Path, size: Size) -> Result<SqliteStore, Failed> {
    let store = SqliteStore::open(path)?;
    let market = Arc::new(Market::new(store.clone(), Policies::default()));
    let begun = Instant::now();
    let of = Arc::clone(&market);
    each(size.workers, move |n| {
        let market = Arc::clone(&of);
        async move {
            let types = [task_type(0)?, task_type(n % size.types)?];
            let model = ModelIdentity::new(format!("model-{:05}", n % size.models))?;
            let profile = WorkerProfile::new(worker(n)?, types).with_model(model);
            market.register(profile).await?;
            Ok(())
        }
    })
    .await?;
    let of = Arc::clone(&market);
    each(size.types, move |n| {
        let market = Arc::clone(&of);
        async move { put(&market, &task_type(n)?, 1).await }
    })
    .await?;
    put(&market, &task_type(0)?, 3 * PAGE).await?;
    let fifth = size.workers / 5;
    let of = Arc::clone(&market);
    each(2 * fifth, move |n| {
        let market = Arc::clone(&of);
        async move { work(&market, n, n < fifth).await }
    })
    .await?;
    // Some of each status of the first type, whoever worked for it before.
    put(&market, &task_type(0)?, 3 * PAGE).await?;
    let of = Arc::clone(&market);
    each(2 * PAGE, move |n| {
        let (market, n) = (Arc::clone(&of), 3 * fifth + n);
        async move { work(&market, n, n % 2 == 0).await }
    })
    .await?;
    println!(
        "{size:?} is there after {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(store)
}

/// The median time that a question takes, in microseconds, and the size of its answer.
async fn time<F>(rounds: usize, ask: impl Fn() -> F) -> Result<(f64, usize), Failed>
where
    F: Future<Output = Result<usize, StoreError>>,
{
    let mut times = Vec::with_capacity(rounds);
    let mut size = 0;
    for _ in 0..rounds {
        let begun = Instant::now();
        size = ask().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok((times[times.len() / 2].as_secs_f64() * 1e6, size))
}

/// Asks both markets, and prints how long each took.
async fn compare<F>(
    what: &str,
    rounds: usize,
    [small, large]: [&SqliteStore; 2],
    ask: impl Fn(SqliteStore) -> F,
) -> Result<(), Failed>
where
    F: Future<Output = Result<usize, StoreError>>,
{
    // In turn, so that both meet what else runs on the machine.
    let (mut best, mut sizes) = ([f64::MAX; 2], [0; 2]);
    for _ in 0..3 {
        for (n, store) in [small, large].into_iter().enumerate() {
            let (took, size) = time(rounds, || ask(store.clone())).await?;
            best[n] = best[n].min(took);
            sizes[n] = size;
        }
    }
    let [small, large] = best;
    println!(
        "{what:<44} {small:>8.0} us {large:>8.0} us {:>6.2} x   ({} and {} rows)",
        large / small,
        sizes[0],
        sizes[1],
    );
    Ok(())
}

async fn questions(stores: [&SqliteStore; 2], rounds: usize) -> Result<(), Failed> {
    let first = task_type(0)?;
    let statuses = TaskStatus::ALL.map(Some).into_iter().chain([None]);
    for status in statuses {
        for of in [None, Some(first.clone())] {
            let mut query = TaskQuery::new(PAGE);
            query.status = status;
            query.task_type = of.clone();
            let status = status.map_or("any status", TaskStatus::as_str);
            let of = of.map_or("any type", |_| "one type");
            for query in [query.clone(), query.newest_first()] {
                let what = format!("tasks: {status}, {of}, {} first", query.order.as_str());
                let ask = |store: SqliteStore| {
                    let query = query.clone();
                    async move { Ok(store.tasks(query).await?.tasks.len()) }
                };
                compare(&what, rounds, stores, ask).await?;
            }
        }
    }
    let ask = |store: SqliteStore| async move {
        let query = StatsQuery::new(SystemClock.now().minus(Duration::from_secs(30)));
        Ok(store.stats(query).await?.tasks.len())
    };
    compare("stats", rounds, stores, ask).await?;
    let ask =
        |store: SqliteStore| async move { Ok(store.models(ModelQuery::new(PAGE)).await?.len()) };
    compare("models", rounds, stores, ask).await?;
    let ask = |store: SqliteStore| async move {
        let query = TaskTypeQuery::new(PAGE);
        Ok(store.task_types(query).await?.len())
    };
    compare("task types", rounds, stores, ask).await?;
    let ask = |store: SqliteStore| async move {
        let query = LeaderboardQuery::new(PAGE);
        Ok(store.leaderboard(query).await?.len())
    };
    compare("leaderboard", rounds, stores, ask).await?;
    for (name, by) in [
        ("worker", TallyBy::WORKER),
        ("model", TallyBy::MODEL),
        ("task type", TallyBy::TASK_TYPE),
    ] {
        for of in [None, Some(first.clone())] {
            let mut query = TallyQuery::new(by, PAGE);
            query.task_type = of.clone();
            let of = of.map_or("all types", |_| "one type");
            let ask = |store: SqliteStore| {
                let query = query.clone();
                async move { Ok(store.tallies(query).await?.len()) }
            };
            compare(&format!("leaderboard by {name}, {of}"), rounds, stores, ask).await?;
        }
    }
    Ok(())
}

async fn all(large: Size, rounds: usize) -> Result<(), Failed> {
    let folder = match std::env::var_os("AI_MARKET_BENCH_DIR") {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let one = open(&folder.path().join("small.db"), SMALL).await?;
    let other = open(&folder.path().join("large.db"), large).await?;
    questions([&one, &other], rounds).await
}

fn main() -> Result<(), Failed> {
    // `cargo test --benches` runs this as well, without the flag.
    let full = std::env::args().any(|argument| argument == "--bench");
    let (large, rounds) = if full { (LARGE, 100) } else { (SMALL, 1) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(all(large, rounds))
}
