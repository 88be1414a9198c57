use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::sql_types::{Bool, Integer, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::options::SqliteOptions;
use crate::sql::{Connection, Statement};

use super::OpenError;
use super::file::{
    APPLICATION_ID, Found, KEYS_SCHEMA_VERSION, SCHEMA_VERSION, check_version, resolve,
};
use super::lock::WriterLock;
use super::presence::{Opening, Presence};

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The longest that anybody waits for a lock.
const LONGEST: Duration = Duration::from_secs(3_600);

struct UserVersion;

impl Statement for UserVersion {
    const SQL: &'static str = "PRAGMA user_version";
    type Row = (Integer,);
}

struct ApplicationId;

impl Statement for ApplicationId {
    const SQL: &'static str = "PRAGMA application_id";
    type Row = (Integer,);
}

struct HasTables;

impl Statement for HasTables {
    const SQL: &'static str = "SELECT count(*) > 0 FROM sqlite_schema";
    type Row = (Bool,);
}

struct JournalMode;

impl Statement for JournalMode {
    const SQL: &'static str = "PRAGMA journal_mode";
    type Row = (Text,);
}

/// A database that is open, set up and ours.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) writer: Connection,
    pub(crate) readers: Vec<Connection>,
    pub(crate) presence: Presence,
    pub(crate) lock: WriterLock,
}

/// The same for keys, which need no lock.
#[derive(Debug)]
pub(crate) struct OpenedKeys {
    pub(crate) path: PathBuf,
    pub(crate) writer: Connection,
    pub(crate) reader: Connection,
    pub(crate) presence: Presence,
}

/// Opens the database at `path`, which is made where there is none.
pub(crate) fn open(path: &Path, options: &SqliteOptions) -> Result<Opened, OpenError> {
    let resolved = resolve(path)?;
    let presence = Presence::of(&resolved);
    // First without making a lock, so that nothing appears beside a file that is not ours.
    let lock = WriterLock::take_if_there(&resolved)?;
    let opening = presence.enter()?;
    let lock = match lock {
        Some(lock) => lock,
        None => WriterLock::take(&resolved)?,
    };
    let mut writer = set_up(path, &resolved, &opening, options)?;
    bring_up_to_date(path, &resolved, &mut writer)?;
    let readers = (0..options.readers.get())
        .map(|_| connect(&resolved, Mode::Read, options))
        .collect::<Result<_, _>>()
        .map_err(|source| refused(path, source))?;
    opening.done();
    Ok(Opened {
        path: resolved,
        writer,
        readers,
        presence,
        lock,
    })
}

/// Opens the database at `path` for keys, while others write it or not.
pub(crate) fn open_keys(path: &Path, options: &SqliteOptions) -> Result<OpenedKeys, OpenError> {
    let resolved = resolve(path)?;
    let presence = Presence::of(&resolved);
    let opening = presence.enter()?;
    let mut writer = set_up(path, &resolved, &opening, options)?;
    bring_keys_up_to_date(path, &resolved, &mut writer, options.busy_timeout)?;
    let reader = connect(&resolved, Mode::Read, options).map_err(|error| refused(path, error))?;
    opening.done();
    Ok(OpenedKeys {
        path: resolved,
        writer,
        reader,
        presence,
    })
}

fn refused(path: &Path, source: Refused) -> OpenError {
    OpenError::Setup {
        path: path.to_owned(),
        source,
    }
}

/// Makes the database where there is none, and opens the connection that writes it.
///
/// Other processes may be doing the same at this moment, so whatever is written is written in a
/// transaction that looks first.
fn set_up(
    path: &Path,
    resolved: &Path,
    opening: &Opening<'_>,
    options: &SqliteOptions,
) -> Result<Connection, OpenError> {
    let set_up = |source| refused(path, source);
    let found = match opening.found() {
        // SQLite plays the journal back before it reads, unless the connection only reads.
        Found::WithJournal => {
            found(resolved, Mode::Write, options).map_err(|error| error.at(path))?
        }
        Found::WithLog => found(resolved, Mode::Read, options).map_err(|error| error.at(path))?,
        found => found,
    };
    if found == Found::Ours {
        // The log may tell of a newer schema than the file. A connection that only reads sees it,
        // and does not write the log into the file when it closes.
        let mut db = connect(resolved, Mode::Read, options).map_err(set_up)?;
        let version = user_version(&mut db).map_err(set_up)?;
        check_version(resolved, version)?;
    }
    let mut writer = connect(resolved, Mode::Write, options).map_err(set_up)?;
    if found == Found::Nothing {
        // Before the log is switched on, so that the file itself says whose it is from its first
        // page on.
        alone(&mut writer, |db| sign(resolved, db)).map_err(|error| error.at(path))?;
        sync_directory(resolved).map_err(|source| OpenError::Io {
            path: resolved.to_owned(),
            source,
        })?;
    }
    tune(&mut writer, options.busy_timeout).map_err(set_up)?;
    Ok(writer)
}

/// Brings the schema up to date, for whoever holds the [`WriterLock`].
fn bring_up_to_date(path: &Path, resolved: &Path, db: &mut Connection) -> Result<(), OpenError> {
    // Without a look for what is to be done, whoever opens a database would wait for its writer.
    let version = user_version(db).map_err(|source| refused(path, source))?;
    if version != SCHEMA_VERSION {
        alone(db, |db| migrate(resolved, db)).map_err(|error| error.at(path))?;
    }
    Ok(())
}

/// Brings the schema up to date for keys, unless a coordinator runs: one of an earlier version does
/// not know the new schema. Its file will do if it has the table of keys.
///
/// Waits up to `patience` for somebody else who is just making that table.
fn bring_keys_up_to_date(
    path: &Path,
    resolved: &Path,
    db: &mut Connection,
    patience: Duration,
) -> Result<(), OpenError> {
    let end = Instant::now() + patience.min(LONGEST);
    loop {
        let version = user_version(db).map_err(|source| refused(path, source))?;
        if version == SCHEMA_VERSION {
            return Ok(());
        }
        match WriterLock::take(resolved) {
            Ok(_lock) => return bring_up_to_date(path, resolved, db),
            Err(OpenError::InUse { .. }) if version >= KEYS_SCHEMA_VERSION => return Ok(()),
            Err(OpenError::InUse { .. }) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Why a transaction of [`set_up`] came to nothing.
enum Failed {
    Refused(OpenError),
    Sqlite(Refused),
}

impl Failed {
    fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(source) => refused(path, source),
        }
    }
}

impl<E: Into<Refused>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Sqlite(error.into())
    }
}

/// Runs `work` in a transaction beside which nobody else writes.
fn alone(
    db: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<(), Failed>,
) -> Result<(), Failed> {
    // Through diesel, which would otherwise not know that migrations run in a transaction.
    AnsiTransactionManager::begin_transaction_sql(db.diesel(), "BEGIN IMMEDIATE")?;
    let done = work(db);
    if done.is_ok() {
        AnsiTransactionManager::commit_transaction(db.diesel())?;
    } else {
        // A failure means that SQLite has ended the transaction itself.
        let _ = AnsiTransactionManager::rollback_transaction(db.diesel());
    }
    done
}

/// What SQLite says that there is at `path`.
fn found(path: &Path, mode: Mode, options: &SqliteOptions) -> Result<Found, Failed> {
    let db = connect(path, mode, options).map_err(Failed::Sqlite);
    match db.and_then(|mut db| whose(path, &mut db)) {
        Err(Failed::Sqlite(error)) if error.to_string().contains("not a database") => {
            Err(Failed::Refused(OpenError::NotADatabase {
                path: path.to_owned(),
            }))
        }
        found => found,
    }
}

/// Whose the database is: ours, or nobody's.
fn whose(path: &Path, db: &mut Connection) -> Result<Found, Failed> {
    let row = db.row::<ApplicationId, (i32,), _>(())?;
    let application_id = row.map_or(0, |(id,)| id.cast_unsigned());
    if application_id == APPLICATION_ID {
        return Ok(Found::Ours);
    }
    let has_tables = db.row::<HasTables, (bool,), _>(())? != Some((false,));
    if application_id != 0 || has_tables {
        return Err(Failed::Refused(OpenError::Foreign {
            path: path.to_owned(),
            application_id,
        }));
    }
    Ok(Found::Nothing)
}

/// Says in an empty database whose it is, unless it says so already.
fn sign(path: &Path, db: &mut Connection) -> Result<(), Failed> {
    if whose(path, db)? == Found::Nothing {
        db.script(&format!("PRAGMA application_id = {APPLICATION_ID};"))?;
    }
    Ok(())
}

/// Brings the schema up to date, unless somebody else has.
fn migrate(path: &Path, db: &mut Connection) -> Result<(), Failed> {
    let version = user_version(db)?;
    check_version(path, version).map_err(Failed::Refused)?;
    if version < SCHEMA_VERSION {
        db.diesel().run_pending_migrations(MIGRATIONS)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

type Refused = Box<dyn std::error::Error + Send + Sync>;

/// Opens one connection. The timeout comes first, since any statement may meet a lock.
fn connect(path: &Path, mode: Mode, options: &SqliteOptions) -> Result<Connection, Refused> {
    let mut db = Connection::establish(&uri(path, mode))?;
    let timeout = options.busy_timeout.min(LONGEST);
    db.script(&format!(
        "PRAGMA busy_timeout = {};
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -{};",
        timeout.as_millis(),
        options.cache.div_ceil(1_024),
    ))?;
    if mode == Mode::Read {
        db.script("PRAGMA query_only = ON;")?;
    }
    Ok(db)
}

/// Sets the writer up: what is acknowledged survives a loss of power, and references hold.
///
/// The log is written into the file after 4,096 pages and not SQLite's 1,000, since a page that
/// changes often is then written once for more changes; and a log that a long read let grow is cut
/// down again.
fn tune(writer: &mut Connection, patience: Duration) -> Result<(), Refused> {
    let end = Instant::now() + patience.min(LONGEST);
    // SQLite does not wait for whoever else has the database open just then.
    while let Err(error) = switch_log_on(writer) {
        if Instant::now() >= end || !error.to_string().contains("locked") {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.script(
        "PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA wal_autocheckpoint = 4096;
        PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(())
}

fn switch_log_on(writer: &mut Connection) -> Result<(), Refused> {
    let mode = writer.row::<JournalMode, (String,), _>(())?;
    if mode != Some(("wal".to_owned(),)) {
        writer.script("PRAGMA journal_mode = WAL;")?;
    }
    Ok(())
}

pub(crate) fn user_version(db: &mut Connection) -> Result<u32, Refused> {
    let row = db.row::<UserVersion, (i32,), _>(())?;
    Ok(row.map_or(0, |(version,)| version).try_into()?)
}

/// The path as a URI, so that no path is taken for one, for `:memory:` or for a diesel scheme.
fn uri(path: &Path, mode: Mode) -> String {
    let mut uri = String::from("file:");
    let path = path.as_os_str().as_encoded_bytes();
    if !path.starts_with(b"/") {
        // A drive of Windows.
        uri.push('/');
    }
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            b':' if cfg!(windows) => uri.push(':'),
            // Writing to a string does not fail.
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri.push_str(match mode {
        Mode::Read => "?mode=ro",
        Mode::Write => "?mode=rwc",
    });
    uri
}

/// Makes the name of a new file survive a loss of power.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => std::fs::File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}
