use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use crate::api::{
    ApiError, ClaimRequest, ErrorCode, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, Terms,
    WorkerApi,
};
use crate::assignment::Assignment;
use crate::id::{TaskId, TaskType, WorkerId};
use crate::market::{Claim, Claimed, LeaseScope, Progress, Release, Renew, Renewed, SubmitOutcome};
use crate::store::WorkerProfile;
use crate::submission::Vote;

use super::reply::{
    fail_all, superseded, suspended, too_many_waiting, unknown_task, unknown_worker,
};
use super::{Coordinator, validate};

/// After how long one that waits looks again by itself, in case the news reached another
/// coordinator on the same store.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[async_trait]
impl WorkerApi for Coordinator {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        validate::profile(&profile, &self.inner.settings)?;
        let names = &self.inner.names;
        names.admit_profile(&**self.store(), &profile).await?;
        self.inner.market.register(profile).await?;
        Ok(Terms::new(
            self.inner.settings.lease,
            self.inner.settings.heartbeat,
        ))
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        let limit = request.limit.min(self.inner.settings.limits.max_claim);
        let (found, _) = self.claim_now(&request, limit).await?;
        let wait = request.wait.min(self.inner.settings.limits.max_wait);
        if !found.is_empty() || limit == 0 || wait.is_zero() || self.inner.stopping.is_cancelled() {
            return Ok(found);
        }
        let until = Instant::now() + wait;
        let worker = &request.worker;
        let Some(known) = self.store().worker(worker.clone()).await? else {
            return Err(unknown_worker(worker));
        };
        let Some(mut waiter) = self.inner.signals.wakeups.arm(known.profile.capabilities) else {
            return Err(too_many_waiting());
        };
        let _waiting = self.inner.signals.metrics.worker_waits();
        loop {
            waiter.look();
            let (found, new) = self.claim_now(&request, limit).await?;
            for assignment in found.iter().filter(|_| new) {
                self.inner.signals.wakeups.claimed(&assignment.task_type, 1);
            }
            if !found.is_empty() || Instant::now() >= until {
                return Ok(found);
            }
            tokio::select! {
                () = waiter.sleep() => {}
                () = sleep_until(until.min(Instant::now() + LOOK_AGAIN)) => {}
                () = self.inner.stopping.cancelled() => return Ok(Vec::new()),
            }
        }
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        let now = self.now();
        let scope = self.scope(heartbeat.tasks)?;
        let worker = heartbeat.worker;
        let mut renew = Renew::new(worker.clone(), scope, self.inner.settings.lease);
        renew.instance = heartbeat.instance;
        match self.inner.market.renew(renew).await? {
            Renewed::Renewed { gone } => Ok(HeartbeatReply::new(now, gone)),
            Renewed::UnknownWorker => Err(unknown_worker(&worker)),
            Renewed::Superseded => Err(superseded(&worker)),
        }
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        let settings = &self.inner.settings;
        if let Err(error) = validate::batch("votes", votes.len(), settings) {
            return votes.iter().map(|_| Err(error.clone())).collect();
        }
        let mut results = Vec::with_capacity(votes.len());
        let mut good = Vec::with_capacity(votes.len());
        for vote in votes {
            let checked = validate::vote(&vote, settings);
            results.push(checked.map(|()| (vote.task, vote.worker.clone())));
            if matches!(results.last(), Some(Ok(_))) {
                good.push(vote);
            } else {
                self.inner.signals.metrics.invalid_vote();
            }
        }
        for vote in &mut good {
            let admitted = self.inner.names.admit_vote(&**self.store(), vote).await;
            if let Err(error) = admitted {
                return fail_all(results, error);
            }
        }
        let mut outcomes = match self.inner.market.submit(good).await {
            Ok(submitted) => submitted.outcomes.into_iter(),
            Err(error) => return fail_all(results, error),
        };
        let receipts = results.into_iter().map(|result| {
            let (task, worker) = result?;
            match outcomes.next() {
                Some(outcome) => receipt(task, &worker, outcome),
                None => Err(ApiError::new(
                    ErrorCode::Internal,
                    "the store gave no outcome",
                )),
            }
        });
        receipts.collect()
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        let scope = self.scope(request.tasks)?;
        let mut release = Release::new(request.worker, scope);
        release.instance = request.instance;
        release.reason = request.reason;
        Ok(self.inner.market.release(release).await?.released)
    }
}

impl Coordinator {
    fn scope(&self, tasks: Option<Vec<TaskId>>) -> Result<LeaseScope, ApiError> {
        Ok(match tasks {
            Some(tasks) => LeaseScope::Named(validate::tasks(tasks, &self.inner.settings)?),
            None => LeaseScope::AllOf,
        })
    }

    /// Claims without waiting, and says whether the leases are new.
    async fn claim_now(
        &self,
        request: &ClaimRequest,
        limit: usize,
    ) -> Result<(Vec<Assignment>, bool), ApiError> {
        let settings = &self.inner.settings;
        let worker = &request.worker;
        let claim = || {
            let mut claim = Claim::new(worker.clone(), settings.lease)
                .with_limit(limit)
                .with_max_leases(settings.limits.max_leases_per_worker);
            claim.instance.clone_from(&request.instance);
            claim.owner.clone_from(&request.owner);
            claim.request.clone_from(&request.request);
            claim
        };
        let mut claimed = self.inner.market.claim(claim()).await?;
        // A worker that names its instance knows how to register, and does so better; where owners
        // are known, it must.
        let on_the_fly =
            settings.register_on_claim && request.instance.is_none() && request.owner.is_none();
        if claimed == Claimed::UnknownWorker && on_the_fly {
            let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
            let names = &self.inner.names;
            names.admit_profile(&**self.store(), &profile).await?;
            self.inner.market.register(profile).await?;
            claimed = self.inner.market.claim(claim()).await?;
        }
        match claimed {
            Claimed::Assigned(assignments) => Ok((assignments, true)),
            Claimed::Repeated(assignments) => Ok((assignments, false)),
            Claimed::UnknownWorker => Err(unknown_worker(worker)),
            Claimed::Superseded => Err(superseded(worker)),
            Claimed::Suspended(reason) => Err(suspended(worker, &reason)),
        }
    }
}

fn receipt(task: TaskId, worker: &WorkerId, outcome: SubmitOutcome) -> Result<Receipt, ApiError> {
    match outcome {
        SubmitOutcome::Accepted(progress) => {
            let finalized = matches!(progress, Progress::Finalized);
            Ok(Receipt::Accepted { finalized })
        }
        SubmitOutcome::Duplicate { finalized } => Ok(Receipt::Duplicate { finalized }),
        SubmitOutcome::UnknownTask => Err(unknown_task(task)),
        SubmitOutcome::Closed { .. } => {
            let message = format!("task {task} was decided before this answer came");
            Err(ApiError::new(ErrorCode::Closed, message))
        }
        SubmitOutcome::NotAssigned => {
            let message = format!("worker {worker} holds no lease on task {task}");
            Err(ApiError::new(ErrorCode::NotAssigned, message))
        }
        SubmitOutcome::OtherModel => {
            let message = format!(
                "task {task} asks for distinct models, and this answer is of another one than \
                 worker {worker} had registered when it claimed it"
            );
            Err(ApiError::new(ErrorCode::OtherModel, message).with_field("model"))
        }
    }
}
