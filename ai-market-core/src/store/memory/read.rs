use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;

use crate::id::{TaskId, WorkerId};
use crate::store::{
    Absence, ClosedQuery, ClosedTask, Counter, EventPage, EventQuery, LeaderboardQuery, ModelQuery,
    ModelReport, Place, ServingCounts, SilentWorker, StatsQuery, StoreStats, Tally, TallyGroup,
    TallyQuery, TallyRow, TaskOrder, TaskPage, TaskQuery, TaskTypeQuery, TaskTypeSummary,
    WorkerQuery, WorkerSummary,
};
use crate::task::{TaskDetails, TaskState};
use crate::time::Timestamp;

use super::state::{Known, State};

impl State {
    pub(crate) fn details(&self, id: TaskId) -> Option<TaskDetails> {
        let row = self.tasks.get(&id)?;
        let submissions = row.votes_in_order().cloned().collect();
        let leases = if row.task.state == TaskState::Open {
            row.leases.iter().map(|lease| lease.lease()).collect()
        } else {
            Vec::new()
        };
        let mut details = TaskDetails::new(row.task.clone(), submissions, leases);
        if row.task.state == TaskState::Open {
            details.able_workers = Some(self.serving().workers(&row.task.task_type));
        }
        Some(details)
    }

    pub(crate) fn task_page(&self, query: &TaskQuery) -> TaskPage {
        let end = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let tasks: Box<dyn Iterator<Item = _>> = match query.order {
            TaskOrder::Oldest => Box::new(self.tasks.range((end, Bound::Unbounded))),
            TaskOrder::Newest => Box::new(self.tasks.range((Bound::Unbounded, end)).rev()),
        };
        let tasks = tasks
            .map(|(_, row)| &row.task)
            .filter(|task| query.matches(task));
        match TaskPage::fill(query, tasks.cloned().map(Ok::<_, Infallible>)) {
            Ok(page) => page,
            Err(never) => match never {},
        }
    }

    fn last_seen(&self, worker: &WorkerId) -> Option<Timestamp> {
        self.activity.get(worker)?.last_seen
    }

    fn summary(&self, known: &Known) -> WorkerSummary {
        let Known { row, registered_at } = known;
        let id = row.id();
        let mut summary = WorkerSummary::new((*row.profile).clone(), *registered_at);
        if let Some(activity) = self.activity.get(id) {
            summary.last_seen = activity.last_seen.unwrap_or(*registered_at);
            summary.last_heartbeat = activity.last_heartbeat;
            summary.points = activity.points;
            summary.submissions = activity.submissions;
        }
        summary.leases = self.index.held.get(id).map_or(0, |held| held.len() as u64);
        summary.gone = row.absence == Absence::Gone;
        summary.standings = row.standings.clone();
        summary
    }

    pub(crate) fn worker(&self, id: &WorkerId) -> Option<WorkerSummary> {
        self.workers.get(id).map(|worker| self.summary(worker))
    }

    pub(crate) fn worker_page(&self, query: &WorkerQuery) -> Vec<WorkerSummary> {
        let from = query
            .after
            .clone()
            .map_or(Bound::Unbounded, Bound::Excluded);
        self.workers
            .range((from, Bound::Unbounded))
            .take(query.limit)
            .map(|(_, worker)| self.summary(worker))
            .collect()
    }

    /// The workers of at most this absence that were last seen before a point in time, longest
    /// silent first.
    pub(crate) fn silent(
        &self,
        absence: Absence,
        before: Timestamp,
        limit: usize,
    ) -> Vec<SilentWorker> {
        let workers = self.workers.iter();
        let mut silent: Vec<_> = workers
            .filter(|(_, known)| known.row.absence <= absence)
            .filter_map(|(id, _)| Some((self.last_seen(id)?, id)))
            .filter(|(last_seen, _)| *last_seen < before)
            .collect();
        silent.sort_unstable();
        let silent = silent.into_iter().take(limit).map(|(_, id)| {
            let activity = self.activity.get(id);
            let beats = activity.is_some_and(|activity| activity.last_heartbeat.is_some());
            SilentWorker::new(id.clone(), beats)
        });
        silent.collect()
    }

    /// Workers that can be deleted and were silent since `before`, those that have been so for longest
    /// first.
    pub(crate) fn unused(&self, before: Timestamp, limit: usize) -> Vec<WorkerId> {
        let silent = self.silent(Absence::Gone, before, usize::MAX).into_iter();
        let is_unused = |id: &WorkerId| {
            let tallies = self.tallies.keys().any(|(worker, ..)| worker == id);
            let records = self.records.keys().any(|(of, _)| of.as_ref() == Some(id));
            let leases = self.index.held.contains_key(id);
            let known = self.workers.get(id);
            let trusted = known.is_some_and(|known| {
                known.row.absence == Absence::Gone && known.row.standings.is_empty()
            });
            trusted && !tallies && !records && !leases
        };
        let unused = silent.map(|silent| silent.worker);
        unused.filter(is_unused).take(limit).collect()
    }

    /// The closed tasks of a look-up, however many it asks for.
    pub(crate) fn closed(&self, query: &ClosedQuery) -> impl Iterator<Item = ClosedTask> {
        let from = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let empty = query.after.is_some_and(|after| after >= query.before);
        let to = Bound::Excluded(query.before);
        let range = (!empty).then(|| self.index.closed.range((from, to)));
        let ids = range.into_iter().flatten();
        ids.filter_map(|id| ClosedTask::of(&self.tasks.get(id)?.task))
    }

    pub(crate) fn leaderboard(&self, query: &LeaderboardQuery) -> Vec<Place> {
        let voters = self.activity.iter();
        let voters = voters.filter(|(_, activity)| activity.submissions > 0);
        let places = voters
            .map(|(id, activity)| Place::new(id.clone(), activity.points, activity.submissions));
        query.page(places.collect())
    }

    pub(crate) fn tally_page(&self, query: &TallyQuery) -> Vec<TallyRow> {
        let mut groups: BTreeMap<TallyGroup, Tally> = BTreeMap::new();
        for ((worker, task_type, model), tally) in &self.tallies {
            let wanted = query.worker.as_ref().is_none_or(|w| w == worker)
                && query.task_type.as_ref().is_none_or(|t| t == task_type);
            if wanted {
                let group = query.by.group(worker, model.as_ref(), task_type);
                groups.entry(group).or_default().add(tally);
            }
        }
        let rows = groups.into_iter();
        query.page(
            rows.map(|(group, tally)| TallyRow::new(group, tally))
                .collect(),
        )
    }

    /// Who serves which task types.
    fn serving(&self) -> ServingCounts {
        let mut serving = ServingCounts::new();
        for known in self.workers.values() {
            if known.row.absence != Absence::Gone {
                serving.add(&known.row.profile, &known.row.standings);
            }
        }
        serving
    }

    fn counters(&self) -> impl Iterator<Item = (Counter, u64)> {
        let counters = self.counters.iter();
        counters.map(|(counter, n)| (counter.clone(), u64::try_from(*n).unwrap_or(0)))
    }

    pub(crate) fn model_page(&self, query: &ModelQuery) -> Vec<ModelReport> {
        let tallies = self.tallies.iter();
        let tallies =
            tallies.map(|((_, task_type, model), tally)| (model.as_ref(), task_type, tally));
        query.page(tallies, &self.serving())
    }

    pub(crate) fn task_type_page(&self, query: &TaskTypeQuery) -> Vec<TaskTypeSummary> {
        query.page(self.counters(), &self.serving())
    }

    pub(crate) fn stats(&self, query: &StatsQuery) -> StoreStats {
        let mut stats = query.count(self.counters(), &self.serving());
        for (id, worker) in &self.workers {
            let gone = worker.row.absence == Absence::Gone;
            let stale = gone || self.last_seen(id) < Some(query.stale_before);
            stats.workers_stale += u64::from(stale);
            stats.workers_gone += u64::from(gone);
        }
        stats
    }

    pub(crate) fn event_page(&self, query: EventQuery) -> EventPage {
        self.log.page(query)
    }
}
