use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use tokio::task::JoinSet;

use crate::Failure;

const REPLICAS: usize = 3;

/// A load of clients that create tasks in batches, and of workers that claim and answer them in
/// batches of the same size.
#[derive(Debug, Clone, Copy)]
pub struct Batches {
    /// How many items a batch has.
    pub size: usize,
    /// How many clients there are, each with three workers; each client and its workers take turns.
    pub clients: u64,
    /// How long the load lasts.
    pub lasts: Duration,
}

impl Batches {
    /// Puts the load on a market, which each client and its workers reach by an API of their own, and
    /// returns how many votes it accepted in a second.
    ///
    /// # Errors
    ///
    /// When anything is refused.
    pub async fn run<A: ClientApi + WorkerApi>(
        self,
        api: impl Fn() -> Result<A, Failure>,
    ) -> Result<f64, Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let votes = Arc::new(AtomicU64::new(0));
        let mut parties = JoinSet::new();
        let mut ready = Vec::new();
        for number in 0..self.clients {
            let api = api()?;
            ready.push((register(&api, number).await?, api));
        }
        let begun = Instant::now();
        for (workers, api) in ready {
            let (over, votes) = (Arc::clone(&over), Arc::clone(&votes));
            parties.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let accepted = round(&api, &workers, self.size).await?;
                    votes.fetch_add(accepted, Ordering::Relaxed);
                }
                Ok::<_, Failure>(())
            });
        }
        tokio::time::sleep(self.lasts).await;
        over.store(true, Ordering::Relaxed);
        while let Some(ended) = parties.join_next().await {
            ended??;
        }
        Ok(votes.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
    }
}

async fn register(api: &impl WorkerApi, number: u64) -> Result<Vec<WorkerId>, Failure> {
    let mut workers = Vec::with_capacity(REPLICAS);
    for replica in 0..REPLICAS {
        let worker = WorkerId::new(format!("w{number}-{replica}"))?;
        let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
        api.register(profile).await?;
        workers.push(worker);
    }
    Ok(workers)
}

/// One batch is created, and each worker claims and answers one. Oldest first, so they may be the
/// tasks of others; in sum each gets its votes.
async fn round<A: ClientApi + WorkerApi>(
    api: &A,
    workers: &[WorkerId],
    size: usize,
) -> Result<u64, Failure> {
    let label = Label::new("positive")?;
    let tasks = vec![TaskSpec::new("A text of ordinary length."); size];
    for created in api.enqueue(tasks).await {
        created?;
    }
    let mut accepted = 0;
    for worker in workers {
        let claim = ClaimRequest::new(worker.clone()).with_limit(size);
        let claimed = api.claim(claim).await?.into_iter();
        let votes = claimed
            .map(|task| Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE));
        for receipt in api.submit(votes.collect()).await {
            receipt?;
            accepted += 1;
        }
    }
    Ok(accepted)
}
