use std::ffi::OsStr;
use std::fmt::Debug;

/// An open file, as its [`Disk`] names it.
pub type Handle = u64;

/// The disk does not do it; SQLite gets an I/O error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk refuses the operation")]
pub struct Refused;

/// What lies under a mounted folder.
///
/// Each method is called before the operation is done to the real file, from whatever thread SQLite
/// is used on. It must not use SQLite, and must not panic.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens the file `name`, and creates it where it does not exist and `create` is set.
    ///
    /// The first sync of the handle must sync the folder, too, if `sync_folder` is set.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the file is not opened.
    fn open(&self, name: &OsStr, create: bool, sync_folder: bool) -> Result<Handle, Refused>;

    /// Writes `data` at `offset`.
    ///
    /// # Errors
    ///
    /// [`Refused`], and nothing is written.
    fn write(&self, file: Handle, offset: u64, data: &[u8]) -> Result<(), Refused>;

    /// Sets the size of the file.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the size stays.
    fn truncate(&self, file: Handle, size: u64) -> Result<(), Refused>;

    /// Makes what was written to the file durable.
    ///
    /// # Errors
    ///
    /// [`Refused`], and SQLite learns that the sync failed.
    fn sync(&self, file: Handle) -> Result<(), Refused>;

    /// Deletes the file `name`, and then syncs the folder if `sync_folder` is set.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the file stays.
    fn delete(&self, name: &OsStr, sync_folder: bool) -> Result<(), Refused>;

    /// Allows an operation that changes nothing: reading, locking, looking for a file.
    ///
    /// # Errors
    ///
    /// [`Refused`], and it is not done.
    fn look(&self) -> Result<(), Refused>;
}
