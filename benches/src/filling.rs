use std::num::NonZeroU32;

use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use tokio::task::JoinSet;

use crate::Failure;

/// How many tasks are created and decided at once, and by how many workers.
const BATCH: u64 = 64;
const WORKERS: u64 = 8;

/// Fills a market with so many tasks that are decided by one vote each.
///
/// # Errors
///
/// When the market refuses something.
pub async fn fill(coordinator: &Coordinator, tasks: u64) -> Result<(), Failure> {
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let share = tasks / WORKERS + u64::from(number < tasks % WORKERS);
        workers.spawn(work(coordinator.clone(), number, share));
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Creates so many tasks, and answers as many.
async fn work(coordinator: Coordinator, number: u64, tasks: u64) -> Result<(), Failure> {
    let worker = WorkerId::new(format!("worker-{number}"))?;
    let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
    coordinator.register(profile).await?;
    let label = Label::new("positive")?;
    for begin in (0..tasks).step_by(BATCH as usize) {
        let texts = begin..tasks.min(begin + BATCH);
        let specs = texts.map(|n| {
            TaskSpec::new(format!(
                "The {n}. text of ordinary length that somebody wrote."
            ))
            .with_required_submissions(NonZeroU32::MIN)
        });
        for created in coordinator.enqueue(specs.collect()).await {
            created?;
        }
        let claim = ClaimRequest::new(worker.clone()).with_limit(BATCH as usize);
        let votes = coordinator
            .claim(claim)
            .await?
            .into_iter()
            .map(|task| Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE));
        for receipt in coordinator.submit(votes.collect()).await {
            receipt?;
        }
    }
    Ok(())
}
