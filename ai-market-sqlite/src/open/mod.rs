//! Opening a database: what may be opened, by whom, and how it is set up.

mod connect;
mod error;
mod file;
mod lock;

pub(crate) use connect::{Opened, open};
pub use error::OpenError;
pub(crate) use lock::WriterLock;

#[cfg(test)]
pub(crate) use connect::{MIGRATIONS, user_version};
#[cfg(test)]
pub(crate) use file::{APPLICATION_ID, SCHEMA_VERSION};
