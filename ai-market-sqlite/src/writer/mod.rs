//! The thread that writes, and what it works with.

mod group;
mod handle;
mod log;
mod pending;
mod session;
mod transaction;
mod work;

pub(crate) use handle::Writer;
pub(crate) use session::Session;
