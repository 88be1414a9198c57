use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_market_core::consensus::Policies;
use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::metrics::InRegistry;
use ai_market_core::store::{
    Claim, Claimed, Effects, EventPage, EventQuery, EventStore, Insert, InsertOutcome,
    LeaderboardQuery, Place, Reap, Reaped, Registered, Release, Released, Renew, Renewed, Serving,
    ServingQuery, StandingChange, StandingChanged, StandingStore, StatsQuery, StoreError,
    StoreStats, Submitted, TallyQuery, TallyRow, TallyStore, TaskPage, TaskQuery, TaskStore,
    WorkerProfile, WorkerQuery, WorkerSummary,
};
use ai_market_core::submission::Vote;
use ai_market_core::task::TaskDetails;
use ai_market_core::time::Timestamp;
use async_trait::async_trait;

use crate::error::Error;
use crate::metrics::{Queue, StoreMetrics, WriterMetrics};
use crate::open::{self, Opened, Presence, WriterLock};
use crate::sql::Connection;
use crate::threads::Threads;
use crate::writer::{Session, Step, Writer};
use crate::{OpenError, SqliteOptions};

/// A [`TaskStore`] in a SQLite database.
///
/// Cloning is cheap and shares the store. When the last clone is dropped, the steps that wait are
/// finished, the log is written into the file and the threads are joined; this blocks the dropping
/// thread for as long as that takes, commonly some milliseconds.
///
/// # Cancel safety
///
/// Every method puts its step into a queue when it is first polled. Dropping the future before the
/// step began takes it back; dropping it later lets the step finish, whole.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

/// The fields are dropped in this order: first the metrics are taken out of the registry, so that
/// nobody looks at the queues any more; then the readers, so that the writer's connection is the
/// last one and can remove the log; then the writer; and last the lock, so that whoever takes it
/// next finds the database at rest.
#[derive(Debug)]
struct Inner {
    _registered: Option<InRegistry<StoreMetrics>>,
    metrics: StoreMetrics,
    readers: Threads,
    writer: Writer,
    path: PathBuf,
    _presence: Presence,
    _lock: WriterLock,
}

impl SqliteStore {
    /// Opens the database at `path`, which is made where there is none, with the usual
    /// [options](SqliteOptions).
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        SqliteOptions::new().open(path)
    }

    pub(crate) fn with_options(path: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        // First of all, since what is refused leaves the file as it is.
        let counts = WriterMetrics::new();
        let metrics = StoreMetrics::new(counts.clone());
        let registered = options
            .registry
            .as_ref()
            .map(|registry| InRegistry::new(registry, metrics.clone()))
            .transpose()
            .map_err(OpenError::RegistryInUse)?;
        let Opened {
            path,
            writer,
            readers,
            presence,
            lock,
        } = open::open(path, options)?;
        let queue = options.queue.get();
        let session = Session::new(writer, options.kept_events);
        let writer = Writer::start(session, queue, options.max_group.get(), counts);
        let writer = writer.map_err(OpenError::Thread)?;
        let readers =
            Threads::start("ai-market-read", readers, queue).map_err(OpenError::Thread)?;
        metrics.opened(&path, queue, [writer.waiting(), readers.waiting()]);
        let inner = Inner {
            _registered: registered,
            metrics,
            readers,
            writer,
            path,
            _presence: presence,
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Does one step in the next transaction.
    pub(crate) async fn write<T, F>(&self, mut step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session) -> Result<T, Error> + Send + 'static,
    {
        self.run(move |session| step(session).map(Step::Done)).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session) -> Result<Step<T>, Error> + Send + 'static,
    {
        let outcome = self.inner.writer.run(work).await;
        self.count(Queue::Write, &outcome);
        outcome
    }

    fn count<T>(&self, queue: Queue, outcome: &Result<T, StoreError>) {
        if matches!(outcome, Err(StoreError::Overloaded)) {
            self.inner.metrics.overloaded(queue);
        }
    }

    /// Asks a reader.
    pub(crate) async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        let answer = self.inner.readers.read(question).await;
        self.count(Queue::Read, &answer);
        answer
    }
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError> {
        let (max_open, now) = (insert.max_open, insert.now);
        self.write(move |session| {
            let tasks = insert.tasks.iter();
            tasks
                .map(|task| session.insert(task, max_open, now))
                .collect()
        })
        .await
    }

    async fn register(
        &self,
        profile: WorkerProfile,
        now: Timestamp,
    ) -> Result<Registered, StoreError> {
        self.write(move |session| session.register(&profile, now))
            .await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let mut first = true;
        let work = move |session: &mut Session| {
            let step = session.claim(&claim, first);
            first = false;
            step
        };
        self.run(work).await
    }

    async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError> {
        self.write(move |session| session.renew(&renew)).await
    }

    async fn submit(
        &self,
        votes: Vec<Vote>,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Submitted, StoreError> {
        let policies = policies.clone();
        self.write(move |session| {
            let mut effects = Effects::default();
            let outcomes = votes
                .iter()
                .map(|vote| session.submit(vote, &policies, now, &mut effects))
                .collect::<Result<_, _>>()?;
            Ok(Submitted::new(outcomes, effects))
        })
        .await
    }

    async fn release(&self, release: Release) -> Result<Released, StoreError> {
        self.write(move |session| session.release(&release)).await
    }

    async fn reap(&self, reap: Reap, policies: &Policies) -> Result<Reaped, StoreError> {
        let policies = policies.clone();
        self.write(move |session| session.reap(&reap, &policies))
            .await
    }

    async fn clear(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |session| session.clear(now)).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.read(move |db| db.details(id)).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.read(move |db| db.page(&query)).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.read(move |db| db.worker(&id)).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.read(move |db| {
            let after = query.after.as_ref().map_or("", |id| id.as_str());
            db.workers_after(after, query.limit)
        })
        .await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.read(move |db| db.leaders(&query)).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.read(move |db| db.stats(&query)).await
    }
}

#[async_trait]
impl TallyStore for SqliteStore {
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.read(move |db| db.tallies(&query)).await
    }

    async fn serving(&self, query: ServingQuery) -> Result<Vec<Serving>, StoreError> {
        self.read(move |db| {
            let workers = db.workers_present(query.seen_since)?;
            let workers = workers.iter();
            Ok(Serving::count(workers.map(|w| (&w.profile, &w.standings))))
        })
        .await
    }
}

#[async_trait]
impl StandingStore for SqliteStore {
    async fn set_standing(&self, change: StandingChange) -> Result<StandingChanged, StoreError> {
        self.write(move |session| session.rule(&change)).await
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.read(move |db| db.event_page(&query)).await
    }
}
