//! A market on a store of one's own: a journal of all steps, taken again at every start.
//!
//! Run it, kill it at any time and run it again: what it had said is still so, and it goes on with
//! what was left. How good a store it is, its conformance suites tell (tests/custom_store.rs).
//!
//! ```text
//! cargo run --example custom_store
//! cargo run --example custom_store -- market.jsonl "A first text" "A second text"
//! ```

#[path = "custom_store/mod.rs"]
mod custom_store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::consensus::Policies;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, WorkerId};
use ai_market_core::store::{LeaderboardQuery, TaskQuery};
use ai_market_core::task::Task;
use ai_market_core::worker::Worker;
use ai_market_examples::{Failure, Guessing, finish};
use clap::Parser;
use custom_store::JournalStore;
use tokio_util::sync::CancellationToken;

/// Runs a small market whose store is a journal
#[derive(Debug, Parser)]
struct Options {
    /// The journal; it is made where it is missing
    #[arg(default_value = "custom_store.jsonl")]
    file: PathBuf,
    /// Texts to be answered
    texts: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    finish(run(Options::parse()).await)
}

/// Every task, oldest first, a page at a time.
async fn tasks(coordinator: &Coordinator) -> Result<Vec<Task>, Failure> {
    let mut tasks: Vec<Task> = Vec::new();
    loop {
        let mut query = TaskQuery::new(100);
        query.after = tasks.last().map(|task| task.id);
        let page = coordinator.tasks(query).await?;
        tasks.extend(page.tasks);
        if !page.more {
            return Ok(tasks);
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    // The policies of a journal are those that it was written under.
    let store = JournalStore::open(options.file, &Policies::default()).await?;
    let coordinator = Coordinator::builder(store).build()?;
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    for name in ["alice", "bob", "carole"] {
        let model = Guessing::new(["negative", "positive"])?;
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model).build()?;
        let stop = stop.clone();
        running.spawn(async move { worker.run(stop).await });
    }
    let maintenance = tokio::spawn({
        let (coordinator, stop) = (coordinator.clone(), stop.clone());
        async move { coordinator.run(stop).await }
    });

    let mut texts = options.texts;
    if texts.is_empty() && tasks(&coordinator).await?.is_empty() {
        texts = ["It was a good year.", "It rained all day."]
            .map(str::to_owned)
            .into();
    }
    let specs = texts.into_iter().map(TaskSpec::new);
    for id in coordinator.enqueue(specs.collect()).await {
        println!("accepted {}", id?);
    }
    for mut task in tasks(&coordinator).await? {
        while task.status().is_open() {
            task = coordinator
                .task(task.id, Duration::from_secs(30))
                .await?
                .task;
        }
        let label = task.final_label().map_or("undecided", Label::as_str);
        println!("{} {label}: {}", task.id, task.text);
    }

    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    maintenance.await?;
    for place in coordinator.leaderboard(LeaderboardQuery::new(10)).await? {
        println!(
            "{}: {} points, {} votes",
            place.worker, place.points, place.submissions
        );
    }
    Ok(())
}
