//! The whole market on one machine: a coordinator on SQLite, three workers with a real model, and
//! a table of what they decided.
//!
//! ```text
//! cargo run --release --example demo
//! cargo run --release --example demo -- --liar
//! ```

#[path = "demo/output.rs"]
mod output;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ai_market_candle::{ClassifierBackend, SequenceClassifier};
use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::consensus::AlwaysActive;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::inference::InferenceBackend;
use ai_market_core::store::LeaderboardQuery;
use ai_market_core::task::TaskDetails;
use ai_market_core::worker::Worker;
use ai_market_examples::{
    Failure, Guessing, LogOptions, ModelOptions, Screen, Sentence, finish, load_model, sample,
    sentences_of, stop_on_signal,
};
use ai_market_sqlite::SqliteStore;
use clap::Parser;
use tokio_util::sync::CancellationToken;

use output::{Progress, print_json, print_tables};

const WORKERS: [&str; 3] = ["alice", "bob", "carole"];

/// Runs a whole market on this machine: three workers label texts, and the majority decides
///
/// It labels the sentences of a sample file, or those that are given. Nothing is left behind.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Texts to label instead of the sample
    texts: Vec<String>,

    /// A file of texts to label instead of the sample, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "texts")]
    file: Option<PathBuf>,

    /// Lets carole guess instead of running the model
    #[arg(long)]
    liar: bool,

    /// Prints one JSON object a line instead of tables
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let logs = LogOptions::default().start("ai-market-demo", "warn,opentelemetry=error");
    let result = run(options, logs.screen.clone()).await;
    logs.end().await;
    finish(result)
}

fn sentences(options: &Options) -> Result<Vec<Sentence>, Failure> {
    let sentences = match &options.file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            sentences_of(&text)
        }
        None if options.texts.is_empty() => sample(),
        None => options
            .texts
            .iter()
            .flat_map(|text| sentences_of(text))
            .collect(),
    };
    if sentences.is_empty() {
        return Err("there is no text to label".into());
    }
    Ok(sentences)
}

async fn run(options: Options, screen: Screen) -> Result<(), Failure> {
    let sentences = sentences(&options)?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone(), screen.clone());
    let model = &options.model;
    let sentiment = model
        .compute
        .classifier()
        .with_task_types([TaskType::sentiment()]);
    let classifier: SequenceClassifier = load_model(model.model.clone(), sentiment, screen).await?;

    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("demo.db"))?;
    // With three workers and three votes a task, none can be spared: suspending the liar would leave
    // tasks waiting.
    let coordinator = Coordinator::builder(store).standing(AlwaysActive).build()?;
    let mut running = tokio::task::JoinSet::new();
    for name in WORKERS {
        // The three share one copy of the weights.
        let model: Box<dyn InferenceBackend> = if options.liar && name == "carole" {
            Box::new(Guessing::new(["negative", "positive"])?)
        } else {
            Box::new(ClassifierBackend::start(classifier.clone())?)
        };
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model).build()?;
        let stop = stop.clone();
        running.spawn(async move { worker.run(stop).await });
    }
    let maintenance = tokio::spawn({
        let (coordinator, stop) = (coordinator.clone(), stop.clone());
        async move { coordinator.run(stop).await }
    });

    let labelled = label(&coordinator, &sentences, &stop).await;
    let standings = coordinator
        .leaderboard(LeaderboardQuery::new(WORKERS.len()))
        .await;
    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    maintenance.await?;

    let (labelled, standings) = (labelled?, standings?);
    if options.json {
        print_json(&labelled, &standings)?;
    } else {
        print_tables(&sentences, &labelled, &standings);
    }
    Ok(())
}

/// Submits the sentences, and waits until each is decided.
async fn label(
    coordinator: &Coordinator,
    sentences: &[Sentence],
    stop: &CancellationToken,
) -> Result<Vec<TaskDetails>, Failure> {
    let batch = coordinator.settings().limits.max_batch;
    let mut ids: Vec<TaskId> = Vec::with_capacity(sentences.len());
    for sentences in sentences.chunks(batch) {
        let tasks = sentences
            .iter()
            .map(|sentence| TaskSpec::new(sentence.text.as_str()));
        for (result, sentence) in coordinator
            .enqueue(tasks.collect())
            .await
            .into_iter()
            .zip(sentences)
        {
            ids.push(result.map_err(|error| format!("{:?}: {error}", sentence.text))?);
        }
    }
    let mut progress = Progress::new(ids.len());
    let mut labelled = Vec::with_capacity(ids.len());
    for id in ids {
        let details = loop {
            let details = coordinator.task(id, Duration::from_secs(30)).await?;
            if !details.task.status().is_open() {
                break details;
            }
            if stop.is_cancelled() {
                return Err("stopped before every text was labelled".into());
            }
        };
        labelled.push(details);
        progress.advance();
    }
    progress.finish();
    Ok(labelled)
}
