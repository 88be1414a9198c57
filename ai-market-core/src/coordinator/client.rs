use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use crate::api::{
    Activity, ApiError, ClientApi, ErrorCode, EventFeed, Follow, ModelReport, TaskSpec,
    TaskTypeReport, WorkerReport, WorkerStatus,
};
use crate::id::{TaskId, TaskType, WorkerId};
use crate::market::{Cancel, CancelOutcome, Insert, InsertOutcome};
use crate::store::{
    LeaderboardQuery, Place, StatsQuery, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery,
    WorkerQuery,
};
use crate::submission::ModelIdentity;
use crate::task::{NewTask, TaskDetails};

use super::reply::{fail_all, market_full, too_many_waiting, unknown_task};
use super::worker::LOOK_AGAIN;
use super::{Coordinator, validate};

#[async_trait]
impl ClientApi for Coordinator {
    async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>> {
        self.create_tasks(tasks).await
    }

    async fn task(&self, id: TaskId, wait: Duration) -> Result<TaskDetails, ApiError> {
        self.await_task(id, wait, false).await
    }

    async fn cancel(&self, id: TaskId, reason: Option<String>) -> Result<TaskDetails, ApiError> {
        let reason = reason.unwrap_or_else(|| "no reason was given".to_owned());
        match self.inner.market.cancel(Cancel::new(id, reason)).await? {
            CancelOutcome::UnknownTask => Err(unknown_task(id)),
            CancelOutcome::Cancelled => self.details(id, false).await,
            CancelOutcome::Closed => {
                let message = format!("task {id} was closed before");
                Err(ApiError::new(ErrorCode::Closed, message))
            }
        }
    }

    async fn tasks(&self, mut query: TaskQuery) -> Result<TaskPage, ApiError> {
        let limits = &self.inner.settings.limits;
        query.limit = query.limit.min(limits.max_page);
        query.max_bytes = query.max_bytes.min(limits.max_page_bytes);
        Ok(self.store().tasks(query).await?)
    }

    async fn leaderboard(&self, mut query: LeaderboardQuery) -> Result<Vec<Place>, ApiError> {
        query.limit = query.limit.min(self.inner.settings.limits.max_page);
        Ok(self.store().leaderboard(query).await?)
    }

    async fn stats(&self) -> Result<StoreStats, ApiError> {
        let stale_before = self.now().minus(self.inner.settings.noted_stale_after());
        Ok(self.store().stats(StatsQuery::new(stale_before)).await?)
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, ApiError> {
        self.tally_page(query).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerStatus>, ApiError> {
        self.worker_page(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
        self.worker_report(id).await
    }

    async fn models(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        self.model_page(after, limit).await
    }

    async fn task_types(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        self.task_type_page(after, limit).await
    }

    async fn activity(&self) -> Result<Activity, ApiError> {
        Ok(self.inner.signals.recorder.activity(self.now()))
    }

    async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError> {
        Ok(Box::new(self.open_feed(follow).await?))
    }
}

impl Coordinator {
    async fn create_tasks(&self, tasks: Vec<TaskSpec>) -> Vec<Result<TaskId, ApiError>> {
        let settings = &self.inner.settings;
        if let Err(error) = validate::batch("tasks", tasks.len(), settings) {
            return tasks.iter().map(|_| Err(error.clone())).collect();
        }
        let now = self.now();
        let mut results = Vec::with_capacity(tasks.len());
        let mut good = Vec::with_capacity(tasks.len());
        for spec in tasks {
            let checked = validate::new_task(spec, settings, self.inner.market.policies(), now);
            match self.admit_task(checked).await {
                Ok(task) => {
                    results.push(Ok(()));
                    good.push(task);
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let insert = Insert::new(good).with_max_open(settings.limits.max_open_tasks);
        let mut outcomes = match self.inner.market.insert(insert).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => return fail_all(results, error),
        };
        let ids = results.into_iter().map(|result| {
            result?;
            match outcomes.next() {
                Some(InsertOutcome::Created(id) | InsertOutcome::Existing(id)) => Ok(id),
                Some(InsertOutcome::Conflict(id)) => {
                    let message = format!(
                        "the idempotency key belongs to task {id}, which asks another thing"
                    );
                    Err(ApiError::new(ErrorCode::IdempotencyConflict, message)
                        .with_field("idempotency_key"))
                }
                Some(InsertOutcome::Full) => Err(market_full(settings.limits.max_open_tasks)),
                None => Err(ApiError::new(
                    ErrorCode::Internal,
                    "the store gave no outcome",
                )),
            }
        });
        ids.collect()
    }

    async fn admit_task(&self, task: Result<NewTask, ApiError>) -> Result<NewTask, ApiError> {
        let task = task?;
        let (store, of) = (&**self.store(), &task.task_type);
        self.inner.names.admit_type(store, of, "task_type").await?;
        Ok(task)
    }

    /// A task, as soon as it is closed or the time is over; `open` shows the votes on an open one.
    pub(super) async fn await_task(
        &self,
        id: TaskId,
        wait: Duration,
        open: bool,
    ) -> Result<TaskDetails, ApiError> {
        let wait = wait.min(self.inner.settings.limits.max_wait);
        let details = self.details(id, open).await?;
        let done = !details.task.status().is_open();
        if done || wait.is_zero() || self.inner.stopping.is_cancelled() {
            return Ok(details);
        }
        let until = Instant::now() + wait;
        let Some(mut watcher) = self.inner.signals.watchers.watch(id) else {
            return Err(too_many_waiting());
        };
        let _waiting = self.inner.signals.metrics.client_waits();
        loop {
            // Looked up after the watch began, so that a close in between is not missed.
            let details = self.details(id, open).await?;
            let done = !details.task.status().is_open();
            if done || Instant::now() >= until || self.inner.stopping.is_cancelled() {
                return Ok(details);
            }
            tokio::select! {
                () = watcher.closed() => {}
                () = sleep_until(until.min(Instant::now() + LOOK_AGAIN)) => {}
                () = self.inner.stopping.cancelled() => {}
            }
        }
    }

    async fn details(&self, id: TaskId, open: bool) -> Result<TaskDetails, ApiError> {
        let details = self.store().task(id).await?;
        let mut details = details.ok_or_else(|| unknown_task(id))?;
        if !details.task.status().is_open() {
            return Ok(details);
        }
        let shown = open || self.inner.settings.open_votes;
        if !shown {
            // Blind votes: whoever reads them could copy them.
            details.submissions.clear();
        }
        Ok(details)
    }
}
