use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{ApiError, ModelReport, TaskTypeReport, WorkerReport, WorkerStatus};
use crate::id::{TaskType, WorkerId};
use crate::store::{
    Serving, ServingCounts, StatsQuery, TallyBy, TallyQuery, TallyRow, WorkerQuery, WorkerSummary,
};
use crate::submission::ModelIdentity;
use crate::task::TaskStatus;

use super::Coordinator;
use super::reply::no_worker;

/// How many workers are read at once to count whom they serve.
const SERVING_PAGE: usize = 1_000;

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
        let all = TallyQuery::new(TallyBy::TASK_TYPE, usize::MAX);
        let all = store.tallies(all).await?;
        Ok(WorkerReport::new(self.status(summary), own, &all))
    }

    pub(super) async fn model_page(
        &self,
        after: Option<Option<ModelIdentity>>,
        limit: usize,
    ) -> Result<Vec<ModelReport>, ApiError> {
        let limit = limit.min(self.inner.settings.limits.max_page);
        let query = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, usize::MAX);
        let tallies = self.store().tallies(query).await?;
        let serving = self.serving().await?;
        let mut models: BTreeMap<Option<ModelIdentity>, ModelReport> = BTreeMap::new();
        let mut report = |model: &Option<ModelIdentity>, then: &mut dyn FnMut(&mut ModelReport)| {
            let new = || ModelReport::new(model.clone());
            then(models.entry(model.clone()).or_insert_with(new));
        };
        for TallyRow { group, tally } in tallies {
            let (Some(model), Some(task_type)) = (group.model, group.task_type) else {
                continue;
            };
            report(&model, &mut |report| {
                report.tally.add(&tally);
                report.task_type(&task_type).tally.add(&tally);
            });
        }
        for of in serving {
            let identity = of.model.as_ref().map(|model| model.identity.clone());
            report(&identity, &mut |report| {
                let place = report.task_type(&of.task_type);
                place.workers += of.workers;
                // Workers that register one model with other labels are not believed any more than
                // those that came first.
                if let Some(model) = &of.model
                    && place.labels.is_empty()
                {
                    place.labels.clone_from(&model.labels);
                }
            });
        }
        let page = models
            .into_iter()
            .filter(|(model, _)| after.as_ref().is_none_or(|after| model > after));
        Ok(page.take(limit).map(|(_, report)| report).collect())
    }

    pub(super) async fn task_type_page(
        &self,
        after: Option<TaskType>,
        limit: usize,
    ) -> Result<Vec<TaskTypeReport>, ApiError> {
        let limit = limit.min(self.inner.settings.limits.max_page);
        let stale_before = self.now().minus(self.inner.settings.noted_stale_after());
        let stats = self.store().stats(StatsQuery::new(stale_before)).await?;
        let serving = self.serving().await?;
        let served = serving.iter().map(|of| &of.task_type);
        let names: BTreeSet<_> = stats
            .tasks
            .keys()
            .map(|(name, _)| name)
            .chain(served)
            .collect();
        let page = names
            .into_iter()
            .filter(|name| Some(*name) > after.as_ref());
        let reports = page.take(limit).map(|name| {
            let policies = self.inner.market.policies();
            let (policy, comparator) = (policies.get(name), policies.comparator(name));
            let mut report = TaskTypeReport::new(name.clone(), policy.name(), comparator.name());
            let tasks = |status| stats.tasks.get(&(name.clone(), status)).copied();
            report.queued = tasks(TaskStatus::Queued).unwrap_or(0);
            report.assigned = tasks(TaskStatus::Assigned).unwrap_or(0);
            report.finalized = tasks(TaskStatus::Finalized).unwrap_or(0);
            report.failed = tasks(TaskStatus::Failed).unwrap_or(0);
            report.cancelled = tasks(TaskStatus::Cancelled).unwrap_or(0);
            let here = serving.iter().filter(|of| of.task_type == *name);
            let models = here.clone().filter_map(|of| of.model.as_ref());
            let models: BTreeSet<_> = models.map(|model| &model.identity).collect();
            report.models = models.len() as u64;
            report.workers = here.map(|of| of.workers).sum();
            report
        });
        Ok(reports.collect())
    }

    /// How many workers that are here may be given tasks of each type; a type that is absent has
    /// none. It may be a second old, so that asking often costs the store nothing.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn able_workers(&self) -> Result<Arc<BTreeMap<TaskType, u64>>, ApiError> {
        let look = || self.serving();
        self.inner.able.get(self.now(), look).await
    }

    /// Who serves which task types now.
    async fn serving(&self) -> Result<Vec<Serving>, ApiError> {
        let seen_since = self.now().minus(self.inner.settings.noted_gone_after());
        let mut counts = ServingCounts::default();
        let mut query = WorkerQuery::new(SERVING_PAGE).seen_since(seen_since);
        loop {
            let workers = self.store().workers(query.clone()).await?;
            for worker in &workers {
                counts.add(&worker.profile, &worker.standings);
            }
            match workers.last() {
                Some(last) if workers.len() == SERVING_PAGE => {
                    query = query.after(last.profile.worker.clone());
                }
                _ => return Ok(counts.into_serving()),
            }
        }
    }

    fn status(&self, summary: WorkerSummary) -> WorkerStatus {
        let settings = &self.inner.settings;
        let stale_at = summary.last_seen.plus(settings.noted_stale_after());
        let gone_at = summary.last_seen.plus(settings.noted_gone_after());
        let presence = summary.presence(self.now().minus(settings.noted_stale_after()));
        WorkerStatus::new(summary, presence, stale_at, gone_at)
    }
}
