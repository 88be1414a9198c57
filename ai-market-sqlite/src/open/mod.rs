//! Opening a database: what may be opened, by whom, and how it is set up.

mod connect;
mod error;
mod file;
mod lock;

pub(crate) use connect::{Opened, open};
pub use error::OpenError;
pub(crate) use lock::WriterLock;
