//! A store in memory.

mod change;
mod event_log;
mod read;
#[cfg(test)]
mod restart_tests;
pub(crate) mod state;
mod store;
pub(crate) mod transaction;

pub use store::{MemoryOptions, MemoryStore};
