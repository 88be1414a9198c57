use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::OpenError;

/// What `PRAGMA application_id` says of our databases: "aiMk".
pub(crate) const APPLICATION_ID: u32 = 0x6169_4d6b;

/// The newest schema that this crate knows; what the last migration sets `PRAGMA user_version` to.
pub(crate) const SCHEMA_VERSION: u32 = 8;

/// What there is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or a file in which nothing was ever written.
    Nothing,
    /// A database of ours.
    Ours,
}

/// The header of a SQLite file, and of the first page's B-tree behind it.
const HEADER: usize = 108;

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
    let header = read_header(file.map_err(refused)?).map_err(refused)?;
    let Some(header) = header else {
        return Ok(Found::Nothing);
    };
    if !header.starts_with(b"SQLite format 3\0") || header.len() < HEADER {
        return Err(OpenError::NotADatabase {
            path: path.to_owned(),
        });
    }
    let word = |at: usize| {
        header[at..at + 4]
            .iter()
            .fold(0, |n, b| n << 8 | u32::from(*b))
    };
    let application_id = word(68);
    if application_id != APPLICATION_ID {
        // A database that nobody wrote to: the first page is a leaf of a table without rows.
        let empty = application_id == 0 && header[100] == 0x0d && header[103..105] == [0, 0];
        return if empty && !has_log(path) {
            Ok(Found::Nothing)
        } else {
            Err(OpenError::Foreign {
                path: path.to_owned(),
                application_id,
            })
        };
    }
    check_version(path, word(60))?;
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

fn read_header(file: File) -> std::io::Result<Option<Vec<u8>>> {
    let mut header = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut header)?;
    Ok((!header.is_empty()).then_some(header))
}

/// Whether there is a write-ahead log, whose pages count for more than those of the file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > 0)
}
