//! The thread that writes, and what it works with.

mod counts;
mod group;
mod handle;
mod log;
mod pending;
mod records;
mod session;
mod transaction;
mod work;

pub(crate) use handle::Writer;
pub(crate) use session::{MAX_REMEMBERED, Session};
