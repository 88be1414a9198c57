use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::Disk;
use crate::vfs;

static MOUNTS: LazyLock<Mutex<HashMap<PathBuf, Arc<dyn Disk>>>> = LazyLock::new(Mutex::default);

fn mounts() -> MutexGuard<'static, HashMap<PathBuf, Arc<dyn Disk>>> {
    // OK because nothing panics under the lock.
    MOUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder with a disk under it, until this is dropped.
///
/// Files that are open at that moment keep their disk.
#[derive(Debug)]
pub struct Mount {
    folder: PathBuf,
}

impl Drop for Mount {
    fn drop(&mut self) {
        mounts().remove(&self.folder);
    }
}

/// Why a disk was not mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The folder is missing or cannot be read.
    #[error("the folder cannot be found")]
    Folder(#[source] io::Error),
    /// The folder has a disk.
    #[error("{} has a disk", .0.display())]
    Mounted(PathBuf),
    /// SQLite did not take the VFS.
    #[error("SQLite did not take the VFS (code {0})")]
    Register(i32),
}

/// Puts `disk` under the files that SQLite opens in `folder` from now on.
///
/// # Errors
///
/// [`MountError`] when there is no such folder, when it has a disk already, or when SQLite does not
/// take the VFS.
pub fn mount(folder: impl AsRef<Path>, disk: Arc<dyn Disk>) -> Result<Mount, MountError> {
    vfs::install().map_err(MountError::Register)?;
    // SQLite gives the VFS full paths, in which links are resolved.
    let folder = folder.as_ref().canonicalize().map_err(MountError::Folder)?;
    let mut mounts = mounts();
    if mounts.contains_key(&folder) {
        return Err(MountError::Mounted(folder));
    }
    mounts.insert(folder.clone(), disk);
    Ok(Mount { folder })
}

/// The disk under the file at `path`, and the file's name on it.
pub(crate) fn disk_of(path: &OsStr) -> Option<(Arc<dyn Disk>, OsString)> {
    let path = Path::new(path);
    let disk = Arc::clone(mounts().get(path.parent()?)?);
    Some((disk, path.file_name()?.to_owned()))
}
