//! A market on a store of one's own: rows in memory, and a file of their changes.
//!
//! It answers a few texts with three workers, closes the store, opens it again and shows what is
//! there. Run it, kill it at any time and run it again: it goes on with what was left. Its tests run
//! the conformance suites (tests/custom_store.rs).
//!
//! ```text
//! cargo run --example custom_store
//! cargo run --example custom_store -- market.jsonl "A first text" "A second text"
//! ```

#[path = "custom_store/mod.rs"]
mod custom_store;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, WorkerId};
use ai_market_core::store::{LeaderboardQuery, TaskQuery, TaskStore};
use ai_market_core::task::Task;
use ai_market_core::time::SystemClock;
use ai_market_core::worker::Worker;
use ai_market_examples::{Failure, Guessing, finish};
use clap::Parser;
use custom_store::FileStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs a small market whose store is a file
#[derive(Debug, Parser)]
struct Options {
    /// The file; it is made where it is missing
    #[arg(default_value = "custom_store.jsonl")]
    file: PathBuf,
    /// Texts to be answered
    texts: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    finish(run(Options::parse()).await)
}

async fn run(options: Options) -> Result<(), Failure> {
    serve(&options.file, options.texts).await?;
    let store = FileStore::open(&options.file, SystemClock)?;
    println!("opened {} again", options.file.display());
    for task in tasks(&store).await? {
        let label = task.final_label().map_or("undecided", Label::as_str);
        println!("{} {label}: {}", task.id, task.text);
    }
    for place in store.leaderboard(LeaderboardQuery::new(10)).await? {
        println!(
            "{}: {} points, {} votes",
            place.worker, place.points, place.submissions
        );
    }
    Ok(())
}

/// Runs a coordinator and its workers until every task is closed.
async fn serve(file: &Path, mut texts: Vec<String>) -> Result<(), Failure> {
    // Opening reads the whole file, so a server does it before it serves.
    let store = FileStore::open(file, SystemClock)?;
    let left = tasks(&store).await?;
    if texts.is_empty() && left.is_empty() {
        texts = ["It was a good year.", "It rained all day."]
            .map(str::to_owned)
            .into();
    }
    let coordinator = Coordinator::builder(store).build()?;
    let stop = CancellationToken::new();
    let mut workers = JoinSet::new();
    for name in ["alice", "bob", "carole"] {
        let model = Guessing::new(["negative", "positive"])?;
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model).build()?;
        let stop = stop.clone();
        workers.spawn(async move { worker.run(stop).await });
    }
    let maintenance = tokio::spawn({
        let (coordinator, stop) = (coordinator.clone(), stop.clone());
        async move { coordinator.run(stop).await }
    });

    let mut open: Vec<_> = left.iter().map(|task| task.id).collect();
    let specs = texts.into_iter().map(TaskSpec::new).collect();
    for id in coordinator.enqueue(specs).await {
        open.push(id?);
    }
    while let Some(id) = open.last() {
        // Each look waits for a while.
        let details = coordinator.task(*id, Duration::from_secs(30)).await?;
        if !details.task.status().is_open() {
            println!("closed {id}");
            open.pop();
        }
    }
    stop.cancel();
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    maintenance.await?;
    Ok(())
}

/// Every task, oldest first, a page at a time.
async fn tasks(store: &FileStore) -> Result<Vec<Task>, Failure> {
    let mut tasks: Vec<Task> = Vec::new();
    loop {
        let mut query = TaskQuery::new(100);
        query.after = tasks.last().map(|task| task.id);
        let page = store.tasks(query).await?;
        tasks.extend(page.tasks);
        if !page.more {
            return Ok(tasks);
        }
    }
}
