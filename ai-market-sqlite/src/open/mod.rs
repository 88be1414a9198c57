//! Opening a database: what may be opened, by whom, and how it is set up.

mod connect;
mod error;
mod file;
mod header;
mod lock;
mod presence;

pub(crate) use connect::{Opened, OpenedKeys, open, open_keys};
pub use error::OpenError;
pub(crate) use lock::WriterLock;
pub(crate) use presence::Presence;

#[cfg(test)]
pub(crate) use connect::{MIGRATIONS, user_version};
#[cfg(test)]
pub(crate) use file::{APPLICATION_ID, SCHEMA_VERSION};
