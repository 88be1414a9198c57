//! A worker with a model of one's own: anything that turns a text into another one.
//!
//! This one gives the first sentence as a summary, and each of the three workers words it in its own
//! way. They agree all the same, since a comparator says when two answers say the same.
//!
//! ```text
//! cargo run --example custom_backend
//! ```

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::Normalized;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::inference::{
    BlockingBackend, BlockingModel, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::store::{LeaderboardQuery, MemoryStore};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::worker::Worker;
use tokio_util::sync::CancellationToken;

/// How a worker writes down what it found.
type Style = fn(&str) -> String;

/// Takes the first sentence for the summary of a text.
struct Summarizer {
    info: ModelInfo,
    style: Style,
}

impl Summarizer {
    fn new(style: Style) -> Result<Self, Box<dyn Error>> {
        let identity = ModelIdentity::new("first-sentence")?.with_revision("1")?;
        // It says no labels, since its answers are free text.
        let info = ModelInfo::new(identity, [TaskType::new("summarization")?]);
        Ok(Self { info, style })
    }

    fn answer(&self, text: &str) -> Result<Prediction, InferenceError> {
        let end = text.find(['.', '!', '?']).map_or(text.len(), |end| end + 1);
        let sentence = text.get(..end).unwrap_or(text).trim();
        // What cannot be answered is an error of that text alone; others of its batch go on.
        let answer = Label::new((self.style)(sentence)).map_err(InferenceError::failed)?;
        Ok(Prediction::new(answer, Confidence::saturating(0.8)))
    }
}

// A model that computes synchronously runs on a thread of its own behind `BlockingBackend`; one
// that is asynchronous already, a remote service say, implements `InferenceBackend` itself. Several
// models are one behind a `Router`.
impl BlockingModel for Summarizer {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn max_batch(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(31)
    }

    fn infer(&mut self, inputs: &[InferenceInput]) -> Vec<Result<Prediction, InferenceError>> {
        inputs
            .iter()
            .map(|input| self.answer(&input.text))
            .collect()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let summarization = TaskType::new("summarization")?;
    // Case, punctuation and white space make no difference to these answers. Where answers are
    // numbers, `NumericTolerance` lets close ones say the same; any rule is a `Comparator`.
    let coordinator = Coordinator::builder(MemoryStore::new())
        .comparator_for(summarization.clone(), Normalized)
        .build()?;
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    let workers: [(&str, Style); 3] = [
        ("alice", str::to_owned),
        ("bob", str::to_uppercase),
        ("carole", |text| text.trim_end_matches('.').to_owned()),
    ];
    for (name, style) in workers {
        let model = BlockingBackend::start("summarizer", Summarizer::new(style)?)?;
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model).build()?;
        let stop = stop.clone();
        running.spawn(async move { worker.run(stop).await });
    }

    let texts = [
        "The bridge is closed until May. Repairs took longer than the city had planned.",
        "Rain, at last! After nine dry weeks the fields are green again.",
    ];
    let tasks = texts.map(|text| TaskSpec::new(text).with_task_type(summarization.clone()));
    for id in coordinator.enqueue(tasks.to_vec()).await {
        let answered = coordinator.task(id?, Duration::from_secs(30)).await?;
        println!("{}", answered.task.text);
        for vote in &answered.submissions {
            println!("  {}: {}", vote.worker, vote.label);
        }
        let label = answered.task.final_label();
        println!("  final: {}", label.map_or("undecided", Label::as_str));
    }

    // All three were right, however they put it.
    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    for place in coordinator.leaderboard(LeaderboardQuery::new(3)).await? {
        println!("{}: {} points", place.worker, place.points);
    }
    Ok(())
}
