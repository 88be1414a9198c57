use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::store::KEPT_EVENTS;
use ai_market_core::time::{Clock, SystemClock};
use prometheus::Registry;

use crate::{OpenError, SqliteStore};

/// How a [`SqliteStore`] is opened.
///
/// ```no_run
/// use std::num::NonZeroUsize;
/// use ai_market_sqlite::SqliteOptions;
///
/// # fn main() -> Result<(), ai_market_sqlite::OpenError> {
/// let store = SqliteOptions::new()
///     .with_readers(NonZeroUsize::MIN)
///     .open("market.db")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub(crate) busy_timeout: Duration,
    pub(crate) readers: NonZeroUsize,
    pub(crate) queue: NonZeroUsize,
    pub(crate) max_group: NonZeroUsize,
    pub(crate) cache: usize,
    pub(crate) registry: Option<Registry>,
    pub(crate) kept_events: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

const fn at_least_one(n: usize) -> NonZeroUsize {
    match NonZeroUsize::new(n) {
        Some(n) => n,
        None => NonZeroUsize::MIN,
    }
}

impl SqliteOptions {
    /// Waits five seconds for other programs' locks, reads on two threads, lets 4,096 steps wait,
    /// commits at most 256 of them at once, caches 64 MiB of pages per connection, and keeps the
    /// newest 100,000 events.
    #[must_use]
    pub fn new() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: at_least_one(2),
            queue: at_least_one(4_096),
            max_group: at_least_one(256),
            cache: 64 << 20,
            registry: None,
            kept_events: KEPT_EVENTS,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how long to wait for a lock that another program holds on the database.
    ///
    /// A step that waits longer fails as unavailable. At most an hour.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how many threads read, each on a connection of its own.
    #[must_use]
    pub fn with_readers(mut self, readers: NonZeroUsize) -> Self {
        self.readers = readers;
        self
    }

    /// Sets how many writing steps, and how many reading ones, may wait at a time.
    ///
    /// A further one fails as [overloaded](ai_market_core::store::StoreError::Overloaded) at once:
    /// the queue is emptied thousands of times a second, so one that is full means that waiting
    /// would take long, and callers that wait unseen are a queue without a bound.
    #[must_use]
    pub fn with_queue(mut self, steps: NonZeroUsize) -> Self {
        self.queue = steps;
        self
    }

    /// Sets how many waiting steps are committed together at most.
    ///
    /// More of them share one write to the disk, and each of them waits for all.
    #[must_use]
    pub fn with_max_group(mut self, steps: NonZeroUsize) -> Self {
        self.max_group = steps;
        self
    }

    /// Sets how many bytes of pages each connection keeps in memory.
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Puts the store's metrics into `registry`, commonly the one that its
    /// [coordinator](ai_market_core::coordinator::CoordinatorBuilder::registry) has, for as long as the
    /// store lives. They go nowhere where none is given.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Sets how many of the newest events are kept at least, for those who follow them and were away.
    /// Each takes some thirty bytes of the file, and what it quotes: the label of a decision, the
    /// reason of a failure.
    #[must_use]
    pub fn with_kept_events(mut self, events: usize) -> Self {
        self.kept_events = events;
        self
    }

    /// Takes the time from `clock` instead of the system. While that goes back, the store's stands
    /// still.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the database at `path`, which is made where there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the path names something that is not a database of this crate, when the
    /// file or its directory cannot be written, when another store has it open, when its schema is
    /// newer than this crate, or when the registry has the metrics of another store. The file is as
    /// it was before.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        SqliteStore::with_options(path.as_ref(), self)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
