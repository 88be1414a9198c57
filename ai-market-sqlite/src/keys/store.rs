use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_market_core::access::{KeyId, KeyRecord, KeyStore, Replaced};
use ai_market_core::store::StoreError;
use ai_market_core::time::Timestamp;
use async_trait::async_trait;

use crate::open::{self, OpenedKeys, Presence};
use crate::threads::Threads;
use crate::{OpenError, SqliteOptions};

/// Pages are few, so the usual cache of a store would be memory that is never used.
const CACHE: usize = 1 << 20;

/// How many steps, and how many questions, may wait at a time.
const QUEUE: usize = 4_096;

/// A [`KeyStore`] in a SQLite database, which may be that of a [`SqliteStore`](crate::SqliteStore).
///
/// Unlike a store it takes no lock, so that keys can be issued and revoked while a coordinator runs,
/// in its process or in another one: any number of processes may have the keys of one database
/// open, and each sees what the others did. Every change is one transaction, durable when it is
/// acknowledged. It waits up to five seconds for whoever else is writing; a coordinator that writes
/// keeps nobody out for longer than one of its groups of steps.
///
/// Clearing the market forgets no key.
///
/// ```
/// use ai_market_core::access::{KeySpec, Keys, Role};
/// use ai_market_core::time::SystemClock;
/// use ai_market_sqlite::SqliteKeys;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("market.db");
/// let keys = Keys::new(SqliteKeys::open(path)?, SystemClock);
/// let issued = keys.create(KeySpec::new(Role::Client)).await?;
/// let holder = keys.authenticate(&issued.key.reveal()).await?;
/// assert_eq!(holder.role, Role::Client);
/// # Ok(())
/// # }
/// ```
///
/// Cloning is cheap and shares the threads, one that reads and one that writes. When the last clone
/// is dropped, the steps that wait are finished and the threads are joined, which blocks the
/// dropping thread for as long as that takes.
///
/// # Cancel safety
///
/// Every method puts its step into a queue when it is first polled. Dropping the future before the
/// step began takes it back; dropping it later lets the step finish, whole.
#[derive(Debug, Clone)]
pub struct SqliteKeys {
    inner: Arc<Inner>,
}

/// The fields are dropped in this order: the reader before the writer, so that the connection that
/// can remove the log is the last one.
#[derive(Debug)]
struct Inner {
    reader: Threads,
    writer: Threads,
    path: PathBuf,
    _presence: Presence,
}

impl SqliteKeys {
    /// Opens the keys in the database at `path`, which is made where there is none.
    ///
    /// An older schema is brought up to date, unless a coordinator has the database open: one of an
    /// earlier version would not know the new schema.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the path names something that is not a database of this crate, when the
    /// file or its directory cannot be written, when its schema is newer than this crate, or when a
    /// coordinator has a database open that is so old that it has no keys
    /// ([`OpenError::InUse`]). The file is as it was before.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), &SqliteOptions::new().with_cache(CACHE))
    }

    pub(crate) fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        let OpenedKeys {
            path,
            writer,
            reader,
            presence,
        } = open::open_keys(path, options)?;
        let start = |name, db| Threads::start(name, vec![db], QUEUE).map_err(OpenError::Thread);
        let writer = start("ai-market-keys-write", writer)?;
        let reader = start("ai-market-keys-read", reader)?;
        let inner = Inner {
            reader,
            writer,
            path,
            _presence: presence,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The thread that writes.
    pub(crate) fn writer(&self) -> &Threads {
        &self.inner.writer
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
        self.writer().write(move |db| db.insert_key(&record)).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.inner.reader.read(move |db| db.key(id)).await
    }

    async fn keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let reader = &self.inner.reader;
        reader.read(move |db| db.keys_after(after, limit)).await
    }

    async fn replace(
        &self,
        old: KeyId,
        new: KeyRecord,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.writer()
            .write(move |db| db.replace_key(old, &new, expires, now))
            .await
    }

    async fn revoke(&self, id: KeyId, now: Timestamp) -> Result<Option<KeyRecord>, StoreError> {
        self.writer().write(move |db| db.revoke_key(id, now)).await
    }
}
