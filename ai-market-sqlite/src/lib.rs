//! The embedded task store of ai-market: tasks, leases, votes and points in one SQLite file.

mod data;
mod error;
mod open;
mod options;
mod read;
mod sql;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use open::OpenError;
pub use options::SqliteOptions;
pub use store::SqliteStore;
