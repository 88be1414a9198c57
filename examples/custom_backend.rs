//! A worker with a model of one's own: anything that turns a text into a label.
//!
//! This one counts words, in a market in one process where three such workers must agree.
//!
//! ```text
//! cargo run --example custom_backend
//! ```

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::inference::{
    BlockingBackend, BlockingModel, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::store::MemoryStore;
use ai_market_core::submission::ModelIdentity;
use ai_market_core::worker::Worker;
use tokio_util::sync::CancellationToken;

/// Tells short texts from long ones.
struct WordCounter {
    info: ModelInfo,
}

impl WordCounter {
    fn new() -> Result<Self, Box<dyn Error>> {
        let identity = ModelIdentity::new("word-counter")?.with_revision("1")?;
        let labels = vec![Label::new("short")?, Label::new("long")?];
        let info = ModelInfo::new(identity, [TaskType::new("length")?]).with_labels(labels);
        Ok(Self { info })
    }

    fn answer(&self, text: &str) -> Result<Prediction, InferenceError> {
        let words = text.split_whitespace().count();
        let label = Label::new(if words < 5 { "short" } else { "long" });
        // What cannot be answered is an error of that text alone; others of its batch go on.
        let label = label.map_err(InferenceError::failed)?;
        Ok(Prediction::new(label, Confidence::ONE))
    }
}

// A model that computes synchronously runs on a thread of its own behind `BlockingBackend`; one
// that is asynchronous already, a remote service say, implements `InferenceBackend` itself.
impl BlockingModel for WordCounter {
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
    let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    for name in ["alice", "bob", "carole"] {
        let model = BlockingBackend::start("word-counter", WordCounter::new()?)?;
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model).build()?;
        let stop = stop.clone();
        running.spawn(async move { worker.run(stop).await });
    }

    let texts = [
        "Hello there!",
        "A text of rather more words than the other one.",
    ];
    let length = TaskType::new("length")?;
    let tasks = texts.map(|text| TaskSpec::new(text).with_task_type(length.clone()));
    for id in coordinator.enqueue(tasks.to_vec()).await {
        let task = coordinator.task(id?, Duration::from_secs(30)).await?.task;
        let label = task.final_label().map_or("undecided", Label::as_str);
        println!("{label}: {} ({} votes)", task.text, task.submission_count);
    }

    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}
