use std::collections::BTreeSet;

use crate::api::{ApiError, ModelReport, TaskTypeReport, WorkerReport, WorkerStatus};
use crate::id::{TaskType, WorkerId};
use crate::store::{
    ModelQuery, TallyBy, TallyQuery, TallyRow, TaskTypeQuery, WorkerQuery, WorkerSummary,
};
use crate::submission::ModelIdentity;
use crate::task::TaskStatus;

use super::Coordinator;
use super::reply::no_worker;

impl Coordinator {
    pub(super) async fn tally_page(
        &self,
        mut query: TallyQuery,
    ) -> Result<Vec<TallyRow>, ApiError> {
        query.limit = query.limit.min(self.inner.settings.limits.max_page);
        Ok(self.store().tallies(query).await?)
    }

    pub(super) async fn worker_page(
        &self,
        mut query: WorkerQuery,
    ) -> Result<Vec<WorkerStatus>, ApiError> {
        query.limit = query.limit.min(self.inner.settings.limits.max_page);
        let workers = self.store().workers(query).await?;
        Ok(workers.into_iter().map(|w| self.status(w)).collect())
    }

    pub(super) async fn worker_report(&self, id: WorkerId) -> Result<WorkerReport, ApiError> {
        let store = self.store();
        let Some(summary) = store.worker(id.clone()).await? else {
            return Err(no_worker(&id));
        };
        // A worker has few models and types, and what is beyond a page is of little weight.
        let page = self.inner.settings.limits.max_page;
        let own = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, page).with_worker(id);
        let own = store.tallies(own).await?;
        let types: BTreeSet<_> = own
            .iter()
            .filter_map(|row| row.group.task_type.clone())
            .collect();
        let mut all = Vec::with_capacity(types.len());
        for task_type in types {
            let of = TallyQuery::new(TallyBy::TASK_TYPE, 1).with_task_type(task_type);
            all.extend(store.tallies(of).await?);
        }
        Ok(WorkerReport::new(self.status(summary), own, &all))
    }

    pub(super) async fn model_page(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        let mut query = ModelQuery::new(limit.min(self.inner.settings.limits.max_page));
        query.after = after;
        Ok(self.store().models(query).await?)
    }

    pub(super) async fn task_type_page(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        let mut query = TaskTypeQuery::new(limit.min(self.inner.settings.limits.max_page));
        query.after = after;
        let types = self.store().task_types(query).await?.into_iter();
        let reports = types.map(|of| {
            let policies = self.inner.market.policies();
            let policy = policies.get(&of.task_type).name();
            let comparator = policies.comparator(&of.task_type).name();
            let tasks = |status| of.tasks.get(&status).copied().unwrap_or(0);
            let mut report = TaskTypeReport::new(of.task_type.clone(), policy, comparator);
            report.queued = tasks(TaskStatus::Queued);
            report.assigned = tasks(TaskStatus::Assigned);
            report.finalized = tasks(TaskStatus::Finalized);
            report.failed = tasks(TaskStatus::Failed);
            report.cancelled = tasks(TaskStatus::Cancelled);
            (report.workers, report.models) = (of.workers, of.models);
            report
        });
        Ok(reports.collect())
    }

    fn status(&self, summary: WorkerSummary) -> WorkerStatus {
        let settings = &self.inner.settings;
        let stale_at = summary.last_seen.plus(settings.noted_stale_after());
        let gone_at = summary.last_seen.plus(settings.noted_gone_after());
        let presence = summary.presence(self.now().minus(settings.noted_stale_after()));
        WorkerStatus::new(summary, presence, stale_at, gone_at)
    }
}
