use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{self, JoinHandle};

use ai_market_core::event::{EventId, LoggedEvent};
use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::store::{
    Absence, Counter, EventPage, EventQuery, EventStart, LeaderboardQuery, LeaseRow, ModelQuery,
    ModelReport, Place, ServingCounts, StatsQuery, Step, StoreError, StoreStats, Tally, TallyQuery,
    TallyRow, TaskOrder, TaskPage, TaskQuery, TaskStore, TaskTypeQuery, TaskTypeSummary,
    WorkerQuery, WorkerSummary,
};
use ai_market_core::task::{TaskDetails, TaskState};
use ai_market_core::time::{Clock, SteadyClock, Timestamp};
use async_trait::async_trait;

use super::draft::event_key;
use super::log::Log;
use super::rows::{self, KnownWorker, Rows, TaskRow, under};
use super::writer::{MAX_STEPS, Writer};

/// A store that keeps all rows in memory and logs their changes in a file.
///
/// One thread runs the steps. It takes all steps that wait, syncs the file once for all of them,
/// and then shows their changes to readers. Look-ups of steps are range scans. Pages of tasks and
/// workers, the leaderboard, tallies and stats walk their whole table; a larger store needs
/// indexes for them.
#[derive(Debug)]
pub(crate) struct FileStore {
    committed: Arc<RwLock<Rows>>,
    clock: Arc<SteadyClock>,
    /// Taken when the store is dropped, which ends the writer.
    steps: Option<SyncSender<Box<dyn Step>>>,
    writer: Option<JoinHandle<()>>,
}

impl FileStore {
    /// Opens or creates a file for this process alone. It blocks until the whole file is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be used, is in use, or is damaged.
    pub(crate) fn open(path: &Path, clock: impl Clock) -> io::Result<Self> {
        let (log, rows) = Log::open(path)?;
        let committed = Arc::new(RwLock::new(rows.clone()));
        let clock = Arc::new(SteadyClock::new(Arc::new(clock)));
        let (steps, queue) = sync_channel(MAX_STEPS);
        let writer = Writer::new(log, Arc::clone(&committed), Arc::clone(&clock), rows);
        let thread = thread::Builder::new().name("market-writer".to_owned());
        let writer = thread.spawn(move || writer.run(&queue))?;
        Ok(Self {
            committed,
            clock,
            steps: Some(steps),
            writer: Some(writer),
        })
    }

    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        // OK because nothing panics under the lock.
        self.committed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FileStore {
    /// Waits until all steps have finished. The file can be opened again afterwards.
    fn drop(&mut self) {
        self.steps = None;
        if let Some(writer) = self.writer.take() {
            // OK because a panic of the writer was printed when it happened.
            let _ = writer.join();
        }
    }
}

fn summary(
    rows: &Rows,
    KnownWorker {
        mut summary,
        absence,
    }: KnownWorker,
) -> WorkerSummary {
    summary.leases = rows.count_held(&summary.profile.worker) as u64;
    summary.gone = absence == Absence::Gone;
    summary
}

fn counters(rows: &Rows) -> Result<Vec<(Counter, u64)>, StoreError> {
    let counters = rows.range::<(Counter, i64)>(under("count"));
    let counters = counters.map(|row| row.map(|(counter, n)| (counter, n.max(0).unsigned_abs())));
    counters.collect()
}

/// Who serves which task types.
fn serving(rows: &Rows) -> Result<ServingCounts, StoreError> {
    let mut serving = ServingCounts::new();
    for row in rows.range::<KnownWorker>(under("worker")) {
        let KnownWorker { summary, absence } = row?;
        if absence != Absence::Gone {
            serving.add(&summary.profile, &summary.standings);
        }
    }
    Ok(serving)
}

#[async_trait]
impl TaskStore for FileStore {
    fn write(&self, step: Box<dyn Step>) {
        match self.steps.as_ref().map(|steps| steps.try_send(step)) {
            Some(Err(TrySendError::Full(step))) => step.finish(Err(StoreError::Overloaded)),
            Some(Err(TrySendError::Disconnected(step))) => {
                step.finish(Err(StoreError::unavailable("the writer has ended")));
            }
            Some(Ok(())) | None => {}
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        let rows = self.rows();
        let Some((task, _)) = rows.get::<TaskRow>(&format!("task\t{id}"))? else {
            return Ok(None);
        };
        let leases = rows.leases(id)?.into_iter();
        let leases = leases.filter(|_| task.state == TaskState::Open);
        let leases = leases.map(|lease: LeaseRow| lease.lease()).collect();
        let open = task.state == TaskState::Open;
        let able = if open {
            Some(serving(&rows)?.workers(&task.task_type))
        } else {
            None
        };
        let mut details = TaskDetails::new(task, rows.votes(id)?, leases);
        details.able_workers = able;
        Ok(Some(details))
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        let rows = self.rows();
        let mut keys = under("task");
        match (query.after, query.order) {
            (Some(id), TaskOrder::Oldest) => keys.start = format!("task\t{id}\n"),
            (Some(id), TaskOrder::Newest) => keys.end = format!("task\t{id}"),
            (None, _) => {}
        }
        let mut tasks = rows.range::<TaskRow>(keys);
        let tasks = std::iter::from_fn(|| match query.order {
            TaskOrder::Oldest => tasks.next(),
            TaskOrder::Newest => tasks.next_back(),
        });
        let tasks = tasks.map(|row| row.map(|(task, _)| task));
        let matches = tasks.filter(|task| task.as_ref().map_or(true, |task| query.matches(task)));
        TaskPage::fill(&query, matches)
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        let rows = self.rows();
        let row: Option<KnownWorker> = rows.get(&format!("worker\t{id}"))?;
        Ok(row.map(|row| summary(&rows, row)))
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        let rows = self.rows();
        let mut keys = under("worker");
        if let Some(id) = query.after {
            keys.start = format!("worker\t{id}\n");
        }
        let workers = rows.range::<KnownWorker>(keys);
        let workers = workers.map(|row| row.map(|row| summary(&rows, row)));
        workers.take(query.limit).collect()
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        for row in self.rows().range::<KnownWorker>(under("worker")) {
            let worker = row?.summary;
            if worker.submissions > 0 {
                let id = worker.profile.worker;
                places.push(Place::new(id, worker.points, worker.submissions));
            }
        }
        Ok(query.page(places))
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        let mut groups: BTreeMap<_, Tally> = BTreeMap::new();
        for row in self.rows().range::<rows::TallyRow>(under("tally")) {
            let ((worker, task_type, model), tally) = row?;
            let matches = query.worker.as_ref().is_none_or(|id| *id == worker)
                && query.task_type.as_ref().is_none_or(|t| *t == task_type);
            if matches {
                let group = query.by.group(&worker, model.as_ref(), &task_type);
                groups.entry(group).or_default().add(&tally);
            }
        }
        let groups = groups
            .into_iter()
            .map(|(group, tally)| TallyRow::new(group, tally));
        Ok(query.page(groups.collect()))
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        let rows = self.rows();
        let tallies = rows.range::<rows::TallyRow>(under("tally"));
        let tallies = tallies.collect::<Result<Vec<_>, _>>()?;
        let tallies = tallies
            .iter()
            .map(|((_, task_type, model), tally)| (model.as_ref(), task_type, tally));
        Ok(query.page(tallies, &serving(&rows)?))
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        let rows = self.rows();
        Ok(query.page(counters(&rows)?, &serving(&rows)?))
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        let rows = self.rows();
        let mut stats = query.count(counters(&rows)?, &serving(&rows)?);
        for row in rows.range::<KnownWorker>(under("worker")) {
            let KnownWorker { summary, absence } = row?;
            let gone = absence == Absence::Gone;
            let stale = gone || summary.last_seen < query.stale_before;
            stats.workers_gone += u64::from(gone);
            stats.workers_stale += u64::from(stale);
        }
        Ok(stats)
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        let rows = self.rows();
        let newest: EventId = rows.get("newest")?.unwrap_or_default();
        let mut keys = under("event");
        let oldest = rows.range::<LoggedEvent>(keys.clone()).next().transpose()?;
        let oldest = oldest.map_or(newest.get() + 1, |event| event.id.get());
        let kept_after = EventId::new(oldest - 1);
        let after = match query.start {
            EventStart::After(place) => place,
            EventStart::Last(n) => EventId::new(newest.get().saturating_sub(n as u128)),
        };
        let after = after.max(kept_after);
        keys.start = event_key(after.get().saturating_add(1));
        let events = rows.range(keys).take(query.limit);
        let events = events.map(|event| event.map(Arc::new));
        let events = events.collect::<Result<_, _>>()?;
        Ok(EventPage::new(events, after, kept_after, newest))
    }
}
