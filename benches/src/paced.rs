use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// Each life is created, three times leased, three times answered, and finalized.
const EVENTS_PER_LIFE: u64 = 8;

/// How many keep the pace: under full load a step takes milliseconds, and a life is seven.
const PACERS: u32 = 25;

/// Task lives of a type of their own, `paced`, that keep a pace whatever else happens.
#[derive(Debug)]
pub struct Paced {
    stop: CancellationToken,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Paced {
    /// The type of their tasks.
    ///
    /// # Errors
    ///
    /// Never: it is a valid one.
    pub fn task_type() -> Result<TaskType, Failure> {
        Ok(TaskType::new("paced")?)
    }

    /// Begins to live, in the process of the coordinator, lives that make so many events a second.
    #[must_use]
    pub fn begin(coordinator: &Coordinator, events: u64) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let rate = (events / EVENTS_PER_LIFE).max(1);
        let interval = Duration::from_secs(1) * PACERS / u32::try_from(rate).unwrap_or(u32::MAX);
        for number in 0..PACERS {
            tasks.spawn(live(coordinator.clone(), number, interval, stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Ends them after the lives at hand.
    ///
    /// # Errors
    ///
    /// When one of them failed.
    pub async fn end(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// One life after the other at a steady pace, until it is stopped.
async fn live(
    coordinator: Coordinator,
    number: u32,
    interval: Duration,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let task_type = Paced::task_type()?;
    let mut workers = Vec::new();
    for name in ["a", "b", "c"] {
        let worker = WorkerId::new(format!("paced-{number}-{name}"))?;
        let profile = WorkerProfile::new(worker.clone(), [task_type.clone()]);
        coordinator.register(profile).await?;
        workers.push(worker);
    }
    let label = Label::new("positive")?;
    let mut ticks = tokio::time::interval(interval);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let spec = TaskSpec::new("A text of ordinary length.").with_task_type(task_type.clone());
        for created in coordinator.enqueue(vec![spec]).await {
            created?;
        }
        for worker in &workers {
            for task in coordinator.claim(ClaimRequest::new(worker.clone())).await? {
                let vote = Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE);
                for receipt in coordinator.submit(vec![vote]).await {
                    receipt?;
                }
            }
        }
    }
    Ok(())
}
