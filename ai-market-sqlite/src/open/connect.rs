use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::sql_types::Integer;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::options::SqliteOptions;
use crate::sql::{Connection, Statement};

use super::OpenError;
use super::file::{APPLICATION_ID, Found, check_version, inspect, resolve};
use super::lock::WriterLock;

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

struct UserVersion;

impl Statement for UserVersion {
    const SQL: &'static str = "PRAGMA user_version";
    type Row = (Integer,);
}

/// A database that is open, set up and ours.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) writer: Connection,
    pub(crate) readers: Vec<Connection>,
    pub(crate) lock: WriterLock,
}

/// Opens the database at `path`, which is made where there is none.
pub(crate) fn open(path: &Path, options: &SqliteOptions) -> Result<Opened, OpenError> {
    let resolved = resolve(path)?;
    // First without making a lock, so that nothing appears beside a file that is not ours.
    let lock = WriterLock::take_if_there(&resolved)?;
    let mut found = inspect(&resolved)?;
    let lock = match lock {
        Some(lock) => lock,
        None => {
            let lock = WriterLock::take(&resolved)?;
            found = inspect(&resolved)?;
            lock
        }
    };
    let set_up = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Setup {
        path: path.to_owned(),
        source,
    };
    if found == Found::Ours {
        // The log may tell of a newer schema than the file. A connection that only reads sees it,
        // and does not write the log into the file when it closes.
        let mut db = connect(&resolved, Mode::Read, options).map_err(set_up)?;
        let version = user_version(&mut db).map_err(set_up)?;
        check_version(&resolved, version)?;
    }
    let mut writer = connect(&resolved, Mode::Write, options).map_err(set_up)?;
    if found == Found::Nothing {
        // Before the log is switched on, so that the file itself says whose it is from its first
        // page on.
        let sign = format!("PRAGMA application_id = {APPLICATION_ID};");
        writer.script(&sign).map_err(|error| set_up(error.into()))?;
        sync_directory(&resolved).map_err(|source| OpenError::Io {
            path: resolved.clone(),
            source,
        })?;
    }
    tune(&mut writer).map_err(set_up)?;
    writer
        .diesel()
        .run_pending_migrations(MIGRATIONS)
        .map_err(set_up)?;
    let readers = (0..options.readers.get())
        .map(|_| connect(&resolved, Mode::Read, options))
        .collect::<Result<_, _>>()
        .map_err(set_up)?;
    Ok(Opened {
        path: resolved,
        writer,
        readers,
        lock,
    })
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
    let timeout = options.busy_timeout.min(Duration::from_secs(3_600));
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
fn tune(writer: &mut Connection) -> Result<(), Refused> {
    writer.script("PRAGMA journal_mode = WAL;")?;
    writer.script(
        "PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA wal_autocheckpoint = 4096;
        PRAGMA journal_size_limit = 67108864;",
    )?;
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
