use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::OpenError;

/// The right to write a database, held for as long as the store lives.
///
/// It is an advisory lock of the operating system on a file beside the database, which the kernel
/// lifts when the process ends, however it ends. It is not a lock on the database itself, so that
/// other programs can read the database and write tables of their own while a coordinator runs; and
/// the file is never deleted, since another process may be about to lock it.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

/// The file beside the database at `path` that is locked.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl WriterLock {
    /// Takes the lock on the database at `path`.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        Self::lock(path, true)?.ok_or_else(|| OpenError::InUse {
            path: path.to_owned(),
        })
    }

    /// Takes the lock if its file is there, which it is once any store has opened the database.
    pub(super) fn take_if_there(path: &Path) -> Result<Option<Self>, OpenError> {
        Self::lock(path, false)
    }

    fn lock(path: &Path, create: bool) -> Result<Option<Self>, OpenError> {
        let lock = lock_path(path);
        let refused = |source| OpenError::Io {
            path: lock.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create);
        let file = match options.truncate(false).open(&lock) {
            Ok(file) => file,
            Err(error) if !create && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}
