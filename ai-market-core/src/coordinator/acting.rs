use std::time::Duration;

use async_trait::async_trait;

use crate::access::{Action, Caller};
use crate::api::{
    Activity, ApiError, ClaimRequest, ClientApi, EventFeed, Follow, Heartbeat, HeartbeatReply,
    ModelReport, Receipt, ReleaseRequest, TaskSpec, TaskTypeReport, Terms, WorkerApi, WorkerReport,
    WorkerStatus,
};
use crate::assignment::Assignment;
use crate::id::{TaskId, TaskType, WorkerId};
use crate::market::Reaped;
use crate::store::{
    LeaderboardQuery, Place, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, WorkerProfile,
    WorkerQuery,
};
use crate::submission::{ModelIdentity, Vote};
use crate::task::TaskDetails;

use super::Coordinator;

/// A [`Coordinator`] as one caller sees it: each call is checked against what the caller may do.
///
/// This is the one place where access is decided; every way into a market that knows its callers
/// goes through here.
/// - A worker key acts as its own worker and no other, in every call; the worker belongs to the
///   owner of the key, whatever it says of itself.
/// - A client key cancels the tasks of its owner and no others.
/// - Votes on open tasks are shown to admin keys alone (unless the market shows them to everybody).
#[derive(Debug, Clone)]
pub struct Acting {
    coordinator: Coordinator,
    caller: Caller,
}

impl Coordinator {
    /// The coordinator as `caller` sees it.
    #[must_use]
    pub fn acting_as(&self, caller: Caller) -> Acting {
        Acting {
            coordinator: self.clone(),
            caller,
        }
    }
}

impl Acting {
    /// Whoever asks.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Ends every lease and deadline that has run out, at once.
    ///
    /// # Errors
    ///
    /// When the caller may not, or the store fails.
    pub async fn reap_now(&self) -> Result<Reaped, ApiError> {
        self.caller.may(Action::Operate)?;
        Ok(self.coordinator.reap_now().await?)
    }

    /// Suspends a worker by hand, as [`Coordinator::suspend`].
    ///
    /// # Errors
    ///
    /// When the caller may not, or as there.
    pub async fn suspend(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
        reason: &str,
    ) -> Result<(), ApiError> {
        self.caller.may(Action::Operate)?;
        self.coordinator.suspend(worker, task_type, reason).await
    }

    /// Makes a worker active again, as [`Coordinator::reinstate`].
    ///
    /// # Errors
    ///
    /// When the caller may not, or as there.
    pub async fn reinstate(
        &self,
        worker: &WorkerId,
        task_type: Option<TaskType>,
    ) -> Result<(), ApiError> {
        self.caller.may(Action::Operate)?;
        self.coordinator.reinstate(worker, task_type).await
    }

    /// Forgets every task, worker, vote and point.
    ///
    /// # Errors
    ///
    /// When the caller may not, or the store fails.
    pub async fn reset(&self) -> Result<(), ApiError> {
        self.caller.may(Action::Operate)?;
        Ok(self.coordinator.reset().await?)
    }
}

#[async_trait]
impl WorkerApi for Acting {
    async fn register(&self, mut profile: WorkerProfile) -> Result<Terms, ApiError> {
        self.caller.may_act_as(&profile.worker)?;
        if let Some(owner) = self.caller.owner() {
            profile.owner = Some(owner.clone());
        }
        self.coordinator.register(profile).await
    }

    async fn claim(&self, mut request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        self.caller.may_act_as(&request.worker)?;
        if let Some(owner) = self.caller.owner() {
            request.owner = Some(owner.clone());
        }
        self.coordinator.claim(request).await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        self.caller.may_act_as(&heartbeat.worker)?;
        self.coordinator.heartbeat(heartbeat).await
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        let allowed: Vec<_> = votes
            .iter()
            .map(|vote| self.caller.may_act_as(&vote.worker))
            .collect();
        let good = votes
            .into_iter()
            .zip(&allowed)
            .filter(|(_, allowed)| allowed.is_ok());
        let good: Vec<_> = good.map(|(vote, _)| vote).collect();
        let mut receipts = self.coordinator.submit(good).await.into_iter();
        let each = allowed.into_iter().map(|allowed| {
            allowed?;
            receipts.next().unwrap_or_else(|| {
                let message = "the coordinator gave no answer";
                Err(ApiError::new(crate::api::ErrorCode::Internal, message))
            })
        });
        each.collect()
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        self.caller.may_act_as(&request.worker)?;
        self.coordinator.release(request).await
    }
}

#[async_trait]
impl ClientApi for Acting {
    async fn enqueue(&self, mut tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>> {
        if let Err(error) = self.caller.may(Action::CreateTasks) {
            return tasks.iter().map(|_| Err(error.clone())).collect();
        }
        if let Some(owner) = self.caller.owner() {
            for task in &mut tasks {
                task.client = Some(owner.clone());
            }
        }
        self.coordinator.enqueue(tasks).await
    }

    async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError> {
        self.caller.may(Action::ReadTasks)?;
        self.coordinator
            .await_task(id, wait, self.caller.is_admin())
            .await
    }

    async fn cancel(&self, id: TaskId, reason: Option<String>) -> Result<TaskDetails, ApiError> {
        self.caller.may(Action::CancelTasks)?;
        // Who created a task never changes, so it does not matter that others act in between.
        let found = self.coordinator.task(id, Duration::ZERO).await?;
        self.caller.may_cancel(found.task.client.as_ref())?;
        self.coordinator.cancel(id, reason).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, ApiError> {
        self.caller.may(Action::ReadTasks)?;
        self.coordinator.tasks(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, ApiError> {
        self.caller.may(Action::ReadLeaderboard)?;
        self.coordinator.leaderboard(query).await
    }

    async fn stats(&self) -> Result<StoreStats, ApiError> {
        self.caller.may(Action::ReadStats)?;
        self.coordinator.stats().await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError> {
        self.caller.may(Action::ReadLeaderboard)?;
        self.coordinator.tallies(query).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError> {
        self.caller.may(Action::ReadWorkers)?;
        self.coordinator.workers(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
        // A worker learns of itself alone.
        self.caller.may(Action::ReadWorker)?;
        if self.caller.may(Action::ReadWorkers).is_err() {
            self.caller.may_act_as(&id)?;
        }
        self.coordinator.worker(id).await
    }

    async fn models(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        self.caller.may(Action::ReadLeaderboard)?;
        self.coordinator.models(after, limit).await
    }

    async fn task_types(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        self.caller.may(Action::ReadLeaderboard)?;
        self.coordinator.task_types(after, limit).await
    }

    async fn activity(&self) -> Result<Activity, ApiError> {
        self.caller.may(Action::ReadStats)?;
        self.coordinator.activity().await
    }

    async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError> {
        self.caller.may(Action::FollowEvents)?;
        self.coordinator.follow(follow).await
    }
}
