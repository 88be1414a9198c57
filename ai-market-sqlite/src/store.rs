use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::metrics::InRegistry;
use ai_market_core::store::{
    EventPage, EventQuery, LeaderboardQuery, ModelQuery, ModelReport, Place, StatsQuery, Step,
    StoreError, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, TaskStore, TaskTypeQuery,
    TaskTypeSummary, WorkerQuery, WorkerSummary,
};
use ai_market_core::task::TaskDetails;
use ai_market_core::time::{Clock, SteadyClock, Timestamp};
use async_trait::async_trait;

use crate::error::Error;
use crate::metrics::{Queue, StoreMetrics, WriterMetrics};
use crate::open::{self, Opened, Presence, WriterLock};
use crate::sql::Connection;
use crate::threads::Threads;
use crate::writer::{Session, Writer};
use crate::{OpenError, SqliteOptions};

/// A [`TaskStore`] in a SQLite database.
///
/// Cloning is cheap and shares the store. When the last clone is dropped, the steps that wait are
/// finished, the log is written into the file and the threads are joined; this blocks the dropping
/// thread for as long as that takes, commonly some milliseconds.
///
/// # Cancel safety
///
/// A read that is dropped before a thread has come to it is taken back. A step
/// [says itself](Step::is_abandoned) whether it is still wanted, and is not asked once it has begun.
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
    clock: Arc<SteadyClock>,
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
        let clock = Arc::new(SteadyClock::new(Arc::clone(&options.clock)));
        let max_group = options.max_group.get();
        let writer = Writer::start(session, Arc::clone(&clock), queue, max_group, counts);
        let writer = writer.map_err(OpenError::Thread)?;
        let readers =
            Threads::start("ai-market-read", readers, queue).map_err(OpenError::Thread)?;
        metrics.opened(&path, queue, [writer.waiting(), readers.waiting()]);
        let inner = Inner {
            _registered: registered,
            metrics,
            readers,
            writer,
            clock,
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

    /// Does `work` on the writer's session in the next transaction.
    #[cfg(test)]
    pub(crate) async fn with_session<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session) -> Result<T, Error> + Send + 'static,
    {
        self.inner.writer.with_session(work).await
    }

    /// Asks a reader.
    pub(crate) async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        let answer = self.inner.readers.read(question).await;
        if matches!(answer, Err(StoreError::Overloaded)) {
            self.inner.metrics.overloaded(Queue::Read);
        }
        answer
    }
}

#[async_trait]
impl TaskStore for SqliteStore {
    fn write(&self, step: Box<dyn Step>) {
        if !self.inner.writer.write(step) {
            self.inner.metrics.overloaded(Queue::Write);
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
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
        self.read(move |db| db.worker_page(&query)).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.read(move |db| db.leaders(&query)).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.read(move |db| db.tallies(&query)).await
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        self.read(move |db| db.models(&query)).await
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        self.read(move |db| db.task_types(&query)).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.read(move |db| db.stats(&query)).await
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.read(move |db| db.event_page(&query)).await
    }
}
