//! The embedded task store of ai-market: tasks, leases, votes, points and track records in one
//! SQLite file. What it acknowledges survives a crash and a loss of power, and what a step costs
//! does not grow with what the file holds.
//!
//! ```
//! use std::time::Duration;
//!
//! use ai_market_core::consensus::Policies;
//! use ai_market_core::id::{TaskId, TaskType, WorkerId};
//! use ai_market_core::market::{Claim, Claimed, Insert, Market};
//! use ai_market_core::store::WorkerProfile;
//! use ai_market_core::task::NewTask;
//! use ai_market_core::time::{Clock, SystemClock};
//! use ai_market_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("market.db");
//! let market = Market::new(SqliteStore::open(path)?, Policies::default());
//!
//! let task = NewTask::new(TaskId::generate(SystemClock.now()), "I love this film");
//! market.insert(Insert::new(vec![task])).await?;
//!
//! let alice = WorkerId::new("alice")?;
//! let profile = WorkerProfile::new(alice.clone(), [TaskType::sentiment()]);
//! market.register(profile).await?;
//! let claim = Claim::new(alice, Duration::from_secs(60));
//! let Claimed::Assigned(tasks) = market.claim(claim).await? else {
//!     unreachable!("alice has just registered");
//! };
//! assert_eq!(&*tasks[0].text, "I love this film");
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! - [`SqliteStore`] is the store; clones share it. It implements
//!   [`TaskStore`](ai_market_core::store::TaskStore): rows and transactions. The rules are in the
//!   [`Market`](ai_market_core::market::Market) on it.
//! - [`SqliteKeys`] keeps API keys in the same file, also while a store has it open.
//! - [`SqliteOptions`] sets timeouts, threads, queues, caches and the clock.
//! - [`OpenError`] says why a file was not opened. A file that is refused is left as it is.
//!
//! # How it works, and what is tuned
//!
//! **One thread writes.** It takes all steps that wait, does each in a savepoint of one transaction,
//! commits, and then answers all callers: one wait for the disk is shared by everybody who waits.
//! A step that fails alone is rolled back alone. A failure that takes the transaction with it (a
//! full disk, an I/O error) fails the whole group as
//! [unavailable](ai_market_core::store::StoreError::Unavailable), what the thread remembered is
//! forgotten, and the next group begins afresh.
//!
//! **Others read**, on threads with read-only connections of their own. The database is in WAL mode,
//! so reads and writes do not wait for each other, and each read sees one committed state.
//!
//! **Statements are prepared once** per connection and have constant texts, so that tests can look
//! at the query plan of every one: none walks through a table of tasks or votes, or sorts one.
//!
//! **The log of events is packed**: the events of a transaction are one row in a form of their own,
//! some twenty bytes an event. Only the newest are kept
//! ([`with_kept_events`](SqliteOptions::with_kept_events)).
//!
//! **Claims read one index.** The market says where a task stands among the claimable ones, and the
//! index of those, by task type in that order, covers a claim. The market remembers how far each
//! worker has looked. After a restart it remembers nothing, and a worker that had answered a long run
//! of open tasks looks through them once more, a bounded number per transaction so that nobody else
//! waits for it.
//!
//! **Counts are kept**, not counted: the changes that the steps of a group make to counters, workers
//! and track records are collected and written once per group, in its transaction. So are sums of
//! them, over task types, workers or models, and each list has an index in its order: a question
//! costs what it returns, however much else there is.
//!
//! # One writer
//!
//! The collected changes and what the thread remembers suppose that nobody else writes these tables,
//! and so does the market where it remembers how far workers have looked. A store
//! therefore holds a lock on a file beside the database, and a second one is refused. Other programs
//! may read the database, and write tables of their own, while it runs. [`SqliteKeys`] is such a
//! program: it takes no lock, any number of processes have it open, and all see what one does.

mod data;
mod error;
mod keys;
mod metrics;
mod open;
mod options;
mod read;
mod rows;
mod sql;
mod store;
#[cfg(test)]
mod tests;
mod threads;
mod writer;

pub use keys::SqliteKeys;
pub use open::OpenError;
pub use options::SqliteOptions;
pub use store::SqliteStore;

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
