//! How many tasks a store takes through their lives, and what a claim costs as the backlog grows.
//!
//! ```text
//! cargo bench -p ai-market-sqlite
//! AI_MARKET_BENCH_DIR=/dev/shm cargo bench -p ai-market-sqlite         # without the disk
//! AI_MARKET_BENCH_BACKLOG=10000000 cargo bench -p ai-market-sqlite     # one more backlog
//! ```

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{Claim, Claimed, Insert, LeaseScope, Market, Release};
use ai_market_core::store::{StatsQuery, TaskQuery, TaskStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::task::{NewTask, TaskStatus};
use ai_market_core::time::{Clock, SystemClock, Timestamp};
use ai_market_sqlite::SqliteStore;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const LEASE: Duration = Duration::from_secs(600);
const CALLERS: usize = 64;

/// How much is done: all of it, or just enough to see that it works.
struct Scale {
    lives: usize,
    backlogs: &'static [usize],
    prefix: usize,
    rounds: usize,
    workers: usize,
}

const FULL: Scale = Scale {
    lives: 60_000,
    backlogs: &[1_000, 100_000, 1_000_000],
    prefix: 100_000,
    rounds: 2_000,
    workers: 1_000,
};

const SMOKE: Scale = Scale {
    lives: 200,
    backlogs: &[100],
    prefix: 500,
    rounds: 10,
    workers: 10,
};

/// A market on the database at a path.
fn open(path: impl AsRef<Path>) -> Result<Market, Failed> {
    Ok(Market::new(SqliteStore::open(path)?, Policies::default()))
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn worker(n: usize) -> Result<WorkerId, Failed> {
    Ok(WorkerId::new(format!("worker-{n:03}"))?)
}

fn vote(task: TaskId, worker: &WorkerId) -> Result<Vote, Failed> {
    let label = Label::new("positive")?;
    Ok(Vote::new(task, worker.clone(), label, Confidence::ONE))
}

async fn register(market: &Market, worker: &WorkerId) -> Result<(), Failed> {
    let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
    market.register(profile).await?;
    Ok(())
}

async fn fill(market: &Market, tasks: usize, votes: u32) -> Result<Duration, Failed> {
    fill_with(market, &TaskType::sentiment(), tasks, votes).await
}

async fn fill_with(
    market: &Market,
    task_type: &TaskType,
    tasks: usize,
    votes: u32,
) -> Result<Duration, Failed> {
    let votes = votes.try_into()?;
    let begun = Instant::now();
    let mut left = tasks;
    while left > 0 {
        let n = left.min(500);
        let batch = (0..n).map(|_| {
            let text = "A film that begins slowly, finds its feet, and stays with one for days.";
            NewTask::new(TaskId::generate(now()), text)
                .with_task_type(task_type.clone())
                .with_required_submissions(votes)
        });
        market.insert(Insert::new(batch.collect())).await?;
        left -= n;
    }
    Ok(begun.elapsed())
}

async fn claim(market: &Market, worker: &WorkerId, limit: usize) -> Result<Vec<TaskId>, Failed> {
    let claim = Claim::new(worker.clone(), LEASE).with_limit(limit);
    match market.claim(claim).await? {
        Claimed::Assigned(tasks) => Ok(tasks.into_iter().map(|task| task.task).collect()),
        other => Err(format!("the worker cannot claim: {other:?}").into()),
    }
}

/// The processor time of this process so far, where the system tells: it holds better than rates do
/// on a machine that others use as well.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((ticks + system) as f64 / 100.0)
}

/// Whole lives: every caller claims `batch` tasks and answers each, until nothing is left.
async fn lives(folder: &Path, tasks: usize, votes: u32, batch: usize) -> Result<(), Failed> {
    let path = folder.join(format!("lives-{votes}-{batch}.db"));
    let market = open(&path)?;
    let filled = fill(&market, tasks, votes).await?;
    let done = Arc::new(AtomicUsize::new(0));
    let (begun, busy) = (Instant::now(), processor_seconds());
    let mut callers = Vec::new();
    for n in 0..CALLERS {
        let (market, done, worker) = (market.clone(), Arc::clone(&done), worker(n)?);
        callers.push(tokio::spawn(async move {
            register(&market, &worker).await?;
            loop {
                let tasks = claim(&market, &worker, batch).await?;
                if tasks.is_empty() {
                    return Ok::<_, Failed>(());
                }
                done.fetch_add(tasks.len(), Ordering::Relaxed);
                let answers: Result<_, _> = tasks.iter().map(|id| vote(*id, &worker)).collect();
                market.submit(answers?).await?;
            }
        }));
    }
    for caller in callers {
        caller.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let answers = done.load(Ordering::Relaxed);
    let spent = match (busy, processor_seconds()) {
        (Some(before), Some(after)) => (after - before) * 1e6 / answers as f64,
        _ => f64::NAN,
    };
    println!(
        "{CALLERS} callers, {votes} votes a task, {batch} a claim: {:.0} tasks/s, {:.0} claims with \
         their votes/s, {spent:.0} us of processor each; put in at {:.0} tasks/s",
        tasks as f64 / seconds,
        answers as f64 / seconds,
        tasks as f64 / filled.as_secs_f64(),
    );
    drop(market);
    let bytes = std::fs::metadata(&path)?.len();
    println!("    {} bytes of file a task", bytes / tasks.max(1) as u64);
    Ok(())
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    format!("p50 {} us, p99 {} us", at(0.5), at(0.99))
}

/// One worker claims a task and gives it back, alone, so that each claim is one commit.
async fn claims(market: &Market, rounds: usize) -> Result<String, Failed> {
    let alone = worker(0)?;
    register(market, &alone).await?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begun = Instant::now();
        let tasks = claim(market, &alone, 1).await?;
        times.push(begun.elapsed());
        let back = Release::new(alone.clone(), LeaseScope::Named(tasks));
        market.release(back).await?;
    }
    Ok(quantiles(times))
}

/// What a claim, the statistics, a page of tasks and opening the file cost at a backlog.
async fn backlog(folder: &Path, tasks: usize, rounds: usize) -> Result<(), Failed> {
    let path = folder.join(format!("backlog-{tasks}.db"));
    let market = open(&path)?;
    fill(&market, tasks, 3).await?;
    let times = claims(&market, rounds).await?;
    let begun = Instant::now();
    let counted = market
        .store()
        .stats(StatsQuery::new(now()))
        .await?
        .tasks_total();
    let stats = begun.elapsed().as_micros();
    let begun = Instant::now();
    let failed = TaskQuery::new(100).with_status(TaskStatus::Failed);
    let failed = market.store().tasks(failed).await?.tasks.len();
    let page = begun.elapsed().as_micros();
    drop(market);
    let begun = Instant::now();
    drop(open(&path)?);
    let opened = begun.elapsed().as_millis();
    println!(
        "at a backlog of {counted}: claim {times}; stats {stats} us; the page of {failed} failed \
         tasks {page} us; opening and closing the file {opened} ms"
    );
    Ok(())
}

/// A worker that has answered a long run of open tasks goes on claiming.
async fn prefix(folder: &Path, tasks: usize, rounds: usize) -> Result<(), Failed> {
    let path = folder.join("prefix.db");
    let market = open(&path)?;
    fill(&market, tasks, 3).await?;
    let alone = worker(0)?;
    register(&market, &alone).await?;
    let begun = Instant::now();
    loop {
        let tasks = claim(&market, &alone, 64).await?;
        if tasks.is_empty() {
            break;
        }
        let answers: Result<_, _> = tasks.iter().map(|id| vote(*id, &alone)).collect();
        market.submit(answers?).await?;
    }
    let answered = tasks as f64 / begun.elapsed().as_secs_f64();
    fill(&market, 1, 3).await?;
    let warm = claims(&market, rounds).await?;
    drop(market);
    let market = open(&path)?;
    let begun = Instant::now();
    let found = claim(&market, &alone, 1).await?;
    let cold = begun.elapsed();
    println!(
        "behind {tasks} open tasks answered by the worker ({answered:.0} answers/s): claim {warm}; \
         the first one after opening the file again {} ms, {} found",
        cold.as_millis(),
        found.len(),
    );
    Ok(())
}

/// Whole lives of tasks for one vote, with and without priorities among them: many workers have looked
/// through the list up to its end, and tasks of a higher priority come in before it.
async fn priorities(folder: &Path, tasks: usize, workers: usize) -> Result<(), Failed> {
    let mut rates = Vec::new();
    for (name, levels) in [("equal", 1), ("mixed", 5)] {
        let market = open(folder.join(format!("priorities-{name}.db")))?;
        fill(&market, workers, 1).await?;
        let done = Arc::new(AtomicUsize::new(0));
        let callers = CALLERS.min(workers);
        let begun = Instant::now();
        let mut running = Vec::new();
        for caller in 0..callers {
            let (market, done) = (market.clone(), Arc::clone(&done));
            running.push(tokio::spawn(async move {
                let mine: Result<Vec<_>, _> =
                    (caller..workers).step_by(callers).map(worker).collect();
                let mine = mine?;
                for worker in &mine {
                    register(&market, worker).await?;
                }
                for worker in mine.iter().cycle() {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    if n >= tasks {
                        break;
                    }
                    let priority = i32::try_from(n % levels)?;
                    let task = NewTask::new(TaskId::generate(now()), "a text")
                        .with_required_submissions(NonZeroU32::MIN)
                        .with_priority(priority);
                    market.insert(Insert::new(vec![task])).await?;
                    let claimed = claim(&market, worker, 1).await?;
                    let votes: Result<_, _> = claimed.iter().map(|id| vote(*id, worker)).collect();
                    market.submit(votes?).await?;
                }
                Ok::<_, Failed>(())
            }));
        }
        for caller in running {
            caller.await??;
        }
        let rate = tasks as f64 / begun.elapsed().as_secs_f64();
        println!(
            "{workers} workers, {name} priorities: {rate:.0} tasks/s put in, claimed and answered"
        );
        rates.push(rate);
    }
    println!("mixed / equal: {:.2}", rates[1] / rates[0]);
    Ok(())
}

/// Open tasks of a type that nobody serves lie before ten that the worker can do; the same ten in a
/// market of their own are timed in turn with them.
async fn unserved(folder: &Path, tasks: usize, rounds: usize) -> Result<(), Failed> {
    let behind = open(folder.join("unserved.db"))?;
    fill_with(&behind, &TaskType::new("unserved")?, tasks, 3).await?;
    let alone = open(folder.join("served.db"))?;
    for market in [&alone, &behind] {
        fill(market, 10, 3).await?;
    }
    for _ in 0..3 {
        println!("ten tasks alone: claim {}", claims(&alone, rounds).await?);
        println!(
            "behind {tasks} tasks of a type that nobody serves: claim {}",
            claims(&behind, rounds).await?
        );
    }
    Ok(())
}

async fn all(folder: &Path, scale: &Scale) -> Result<(), Failed> {
    lives(folder, scale.lives, 1, 1).await?;
    lives(folder, scale.lives / 3, 3, 1).await?;
    lives(folder, scale.lives, 3, 16).await?;
    for tasks in scale.backlogs {
        backlog(folder, *tasks, scale.rounds).await?;
    }
    if let Ok(tasks) = std::env::var("AI_MARKET_BENCH_BACKLOG") {
        backlog(folder, tasks.parse()?, scale.rounds).await?;
    }
    let most = scale.backlogs.iter().copied().max().unwrap_or(0);
    unserved(folder, most, scale.rounds).await?;
    priorities(folder, scale.lives, scale.workers).await?;
    prefix(folder, scale.prefix, scale.rounds).await
}

fn main() -> Result<(), Failed> {
    // `cargo test --benches` runs this as well, without the flag.
    let full = std::env::args().any(|argument| argument == "--bench");
    let scale = if full { FULL } else { SMOKE };
    let folder = match std::env::var_os("AI_MARKET_BENCH_DIR") {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    runtime.block_on(all(folder.path(), &scale))
}
