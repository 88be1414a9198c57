//! The threads that read, and what they are asked.

mod leaderboard;
mod pool;
mod stats;
mod tasks;

pub(crate) use pool::Readers;
