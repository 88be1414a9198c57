use std::error::Error;
use std::io;
use std::path::PathBuf;

use ai_market_core::store::StoreError;

/// Why a database was not opened. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The path names a directory, a device or the like.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The operating system refused: the file cannot be read or written, its directory is missing
    /// or cannot be written, and the like.
    #[error("{} cannot be opened for reading and writing", path.display())]
    Io {
        /// The file or directory that was refused.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a SQLite database.
    #[error("{} is not a SQLite database", path.display())]
    NotADatabase {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file is a SQLite database of another program.
    #[error(
        "{} is a database of another program (application id {application_id:#010x})",
        path.display()
    )]
    Foreign {
        /// The path as it was given.
        path: PathBuf,
        /// What the database names as its program; 0 where it names none.
        application_id: u32,
    },
    /// A newer version of this crate has written the file.
    #[error("{} has schema version {found}, and only up to {known} is known", path.display())]
    TooNew {
        /// The path as it was given.
        path: PathBuf,
        /// The version of the file.
        found: u32,
        /// The newest version that this crate knows.
        known: u32,
    },
    /// Another store, most likely in another process, has the file open.
    #[error("{} is in use by another coordinator", path.display())]
    InUse {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The registry has metrics under the names of a store's: each one needs a registry of its own,
    /// as long as it lives.
    #[error("the registry has the metrics of another store")]
    RegistryInUse(#[source] prometheus::Error),
    /// SQLite could not open the file or bring its schema up to date.
    #[error("{} cannot be set up", path.display())]
    Setup {
        /// The path as it was given.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A thread could not be started.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse { .. }
            | OpenError::Io { .. }
            | OpenError::Setup { .. }
            | OpenError::Thread(_) => Self::unavailable(error),
            OpenError::NotAFile { .. }
            | OpenError::NotADatabase { .. }
            | OpenError::Foreign { .. }
            | OpenError::TooNew { .. }
            | OpenError::RegistryInUse(_) => Self::failed(error),
        }
    }
}
