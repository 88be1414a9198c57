//! The thread that writes, and what it keeps between jobs.

mod group;
mod handle;
mod job;
mod log;
mod pending;
mod presence;
mod session;

pub(crate) use handle::Writer;
pub(crate) use job::Step;
pub(crate) use pending::CounterKey;
pub(crate) use session::Session;
