use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;

use crate::id::{TaskId, WorkerId};
use crate::store::{
    LeaderboardQuery, Place, Serving, ServingQuery, StatsQuery, StoreStats, Tally, TallyGroup,
    TallyQuery, TallyRow, TaskOrder, TaskPage, TaskQuery, WorkerQuery, WorkerSummary,
};
use crate::task::{Task, TaskDetails};

use super::state::State;

impl State {
    pub(super) fn details(&self, id: TaskId) -> Option<TaskDetails> {
        let entry = self.tasks.get(&id)?;
        let submissions = entry.votes.iter().chain(&entry.late).cloned().collect();
        let leases = if entry.is_open() {
            entry.leases.iter().map(|held| held.lease.clone()).collect()
        } else {
            Vec::new()
        };
        Some(TaskDetails::new(entry.task.clone(), submissions, leases))
    }

    pub(super) fn tasks(&self, query: &TaskQuery) -> TaskPage {
        let end = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let tasks: Box<dyn Iterator<Item = _>> = match query.order {
            TaskOrder::Oldest => Box::new(self.tasks.range((end, Bound::Unbounded))),
            TaskOrder::Newest => Box::new(self.tasks.range((Bound::Unbounded, end)).rev()),
        };
        let tasks = tasks
            .map(|(_, entry)| &entry.task)
            .filter(|task| query.status.is_none_or(|status| task.status() == status))
            .filter(|task| {
                query
                    .task_type
                    .as_ref()
                    .is_none_or(|t| task.task_type == *t)
            });
        match TaskPage::fill(query, tasks.cloned().map(Ok::<_, Infallible>)) {
            Ok(page) => page,
            Err(never) => match never {},
        }
    }

    fn summary(&self, worker: &WorkerSummary) -> WorkerSummary {
        let held = self.held.get(&worker.profile.worker);
        WorkerSummary {
            leases: held.map_or(0, |held| held.len() as u64),
            ..worker.clone()
        }
    }

    pub(super) fn worker(&self, id: &WorkerId) -> Option<WorkerSummary> {
        self.workers.get(id).map(|worker| self.summary(worker))
    }

    pub(super) fn workers(&self, query: &WorkerQuery) -> Vec<WorkerSummary> {
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

    pub(super) fn leaderboard(&self, query: &LeaderboardQuery) -> Vec<Place> {
        let place = |standing: &Place| (Reverse(standing.points), standing.worker.clone());
        let after = query
            .after
            .clone()
            .map(|(points, worker)| (Reverse(points), worker));
        let mut standings: Vec<_> = self
            .workers
            .values()
            .filter(|worker| worker.submissions > 0)
            .map(|worker| {
                let id = worker.profile.worker.clone();
                Place::new(id, worker.points, worker.submissions)
            })
            .filter(|standing| after.as_ref().is_none_or(|after| place(standing) > *after))
            .collect();
        standings.sort_by_cached_key(place);
        standings.truncate(query.limit);
        standings
    }

    pub(super) fn tallies(&self, query: &TallyQuery) -> Vec<TallyRow> {
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

    pub(super) fn serving(&self, query: &ServingQuery) -> Vec<Serving> {
        let here = |worker: &&WorkerSummary| !worker.gone && worker.last_seen >= query.seen_since;
        Serving::count(
            self.workers
                .values()
                .filter(here)
                .map(|w| (&w.profile, &w.standings)),
        )
    }

    pub(super) fn stats(&self, query: &StatsQuery) -> StoreStats {
        let stale = |worker: &&WorkerSummary| worker.gone || worker.last_seen < query.stale_before;
        let able = |task: &Task| {
            let workers = self.workers.values();
            workers
                .filter(|worker| worker.profile.capabilities.contains(&task.task_type))
                .count()
        };
        let short = |task: &Task| {
            let missing = task
                .wanted
                .saturating_sub(task.submission_count + task.lease_count);
            missing > 0 && able(task) < task.wanted as usize
        };
        StoreStats {
            tasks: self.counts.clone(),
            submissions: self.submissions,
            workers: self.workers.len() as u64,
            workers_stale: self.workers.values().filter(stale).count() as u64,
            workers_gone: self.workers.values().filter(|w| w.gone).count() as u64,
            tasks_short_of_workers: self
                .tasks
                .values()
                .filter(|entry| entry.is_open() && short(&entry.task))
                .count() as u64,
        }
    }
}
