//! The smallest market: a coordinator and a worker in one process, without a server or a file.
//!
//! ```text
//! cargo run --example in_process
//! ```

use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_candle::{ClassifierBackend, ClassifierOptions, ModelSource};
use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::WorkerId;
use ai_market_core::store::MemoryStore;
use ai_market_core::worker::Worker;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
    let model = ClassifierBackend::load(
        &ModelSource::Bundled,
        &ClassifierOptions::new(),
        &mut |_| {},
    )?;
    let worker = Worker::builder(WorkerId::new("alice")?, coordinator.clone(), model).build()?;

    // The coordinator's maintenance and the worker run until they are told to stop.
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (coordinator, stop) = (coordinator.clone(), stop.clone());
        async move { tokio::join!(coordinator.run(stop.clone()), worker.run(stop)).1 }
    });

    let task = TaskSpec::new("What a wonderful day!").with_required_submissions(NonZeroU32::MIN);
    for id in coordinator.enqueue(vec![task]).await {
        let answered = coordinator.task(id?, Duration::from_secs(30)).await?;
        for vote in &answered.submissions {
            println!(
                "{}: {} ({:.2})",
                answered.task.text,
                vote.label,
                vote.confidence.get()
            );
        }
    }

    stop.cancel();
    running.await??;
    Ok(())
}
