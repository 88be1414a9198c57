use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::header::Header;

/// What `PRAGMA application_id` says of our databases: "aiMk".
pub(crate) const APPLICATION_ID: u32 = 0x6169_4d6b;

/// The newest schema that this crate knows; what the last migration sets `PRAGMA user_version` to.
pub(crate) const SCHEMA_VERSION: u32 = 10;

/// The first version with the table of keys, which has not changed since.
pub(crate) const KEYS_SCHEMA_VERSION: u32 = 2;

/// What there is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or a file in which nothing was ever written.
    Nothing,
    /// A database of ours.
    Ours,
    /// A file beside which a crash left a rollback journal. SQLite must play it back before anybody
    /// can tell what there is, since the header may be half written.
    WithJournal,
    /// A file whose header is damaged, with a write-ahead log, where the right one may be: a crash
    /// while the log is written into the file can damage it.
    WithLog,
}

/// The path with its links resolved, so that one file has one lock and one log however it is named.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let refused = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::canonicalize(path) {
        Ok(resolved) => Ok(resolved),
        // A link to nothing is not a file that is to be made.
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            let name = path.file_name().ok_or_else(|| OpenError::NotAFile {
                path: path.to_owned(),
            })?;
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let parent = fs::canonicalize(parent).map_err(|source| OpenError::Io {
                path: parent.to_owned(),
                source,
            })?;
            Ok(parent.join(name))
        }
        Err(error) => Err(refused(error)),
    }
}

/// Looks at the file at `path` without SQLite, which would write to some files that it opens.
///
/// A process that closes a file loses its locks on it, also those of SQLite; so nobody in this
/// process may have it open through SQLite, which [`Presence`](super::presence::Presence) sees to.
pub(super) fn inspect(path: &Path) -> Result<Found, OpenError> {
    let refused = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(OpenError::NotAFile {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(refused(error)),
    }
    // For writing as well, since SQLite would open a file that is not writable and fail later.
    let file = OpenOptions::new().read(true).write(true).open(path);
    let header = Header::read(file.map_err(refused)?).map_err(refused)?;
    let Some(header) = header else {
        return Ok(Found::Nothing);
    };
    // What names another program is left to that program, with its journal.
    let may_be_ours = matches!(header.application_id(), 0 | APPLICATION_ID);
    if (may_be_ours || !header.is_whole()) && has_hot_journal(path).map_err(refused)? {
        return Ok(Found::WithJournal);
    }
    if !header.is_whole() && has_log(path) {
        return Ok(Found::WithLog);
    }
    if !header.is_sqlite() {
        return Err(OpenError::NotADatabase {
            path: path.to_owned(),
        });
    }
    let application_id = header.application_id();
    if application_id != APPLICATION_ID {
        return if application_id == 0 && header.is_empty() && !has_log(path) {
            Ok(Found::Nothing)
        } else {
            Err(OpenError::Foreign {
                path: path.to_owned(),
                application_id,
            })
        };
    }
    check_version(path, header.user_version())?;
    Ok(Found::Ours)
}

/// Refuses a schema that is newer than this crate.
pub(super) fn check_version(path: &Path, found: u32) -> Result<(), OpenError> {
    if found > SCHEMA_VERSION {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// Whether there is a rollback journal that SQLite would play back: one that does not begin with 0.
fn has_hot_journal(path: &Path) -> std::io::Result<bool> {
    let mut first = [0];
    match File::open(beside(path, "-journal")) {
        Ok(mut journal) => Ok(journal.read(&mut first)? > 0 && first != [0]),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is a write-ahead log, whose pages count for more than those of the file.
fn has_log(path: &Path) -> bool {
    let log = beside(path, "-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
