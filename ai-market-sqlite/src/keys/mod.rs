//! API keys.

mod rows;
mod store;

pub use store::SqliteKeys;
