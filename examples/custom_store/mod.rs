//! A custom store: rows in an ordered map, and a log of their changes in a file.
//!
//! - `store`: the [`TaskStore`](ai_market_core::store::TaskStore), which hands steps to the writer
//!   and answers reads;
//! - `writer`: runs steps in groups, commits each group, and finishes its steps;
//! - `transaction`: the [`Transaction`](ai_market_core::store::Transaction), over `draft`, which
//!   changes rows and takes changes back;
//! - `rows`: the rows and their keys;
//! - `log`: the file.

mod draft;
mod log;
mod rows;
mod store;
mod transaction;
mod writer;

pub(crate) use store::FileStore;
