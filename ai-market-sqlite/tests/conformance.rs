//! The cases that every store passes, and those for stores that outlive their process.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::Arc;

use ai_market_core::access::KeyStore;
use ai_market_core::conformance::Reopen;
use ai_market_core::conformance::access::durability::ReopenKeys;
use ai_market_core::store::TaskStore;
use ai_market_core::time::ManualClock;
use ai_market_sqlite::{SqliteKeys, SqliteOptions};
use async_trait::async_trait;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.db");
    (folder, path)
}

async fn open(clock: ManualClock) -> (TempDir, Arc<dyn TaskStore>) {
    let (folder, path) = folder();
    let store = SqliteOptions::new().with_clock(clock).open(path).unwrap();
    (folder, Arc::new(store))
}

/// A database that is opened again and again, with the clock of its stores.
#[derive(Debug)]
struct Database {
    path: PathBuf,
    options: SqliteOptions,
}

#[async_trait]
impl Reopen for Database {
    async fn open(&self) -> Arc<dyn TaskStore> {
        Arc::new(self.options.open(&self.path).unwrap())
    }
}

async fn reopen(clock: ManualClock) -> (TempDir, Database) {
    let (folder, path) = folder();
    let options = SqliteOptions::new().with_clock(clock);
    (folder, Database { path, options })
}

#[derive(Debug)]
struct KeyDatabase(PathBuf);

#[async_trait]
impl ReopenKeys for KeyDatabase {
    async fn open(&self) -> Arc<dyn KeyStore> {
        Arc::new(SqliteKeys::open(&self.0).unwrap())
    }
}

async fn open_keys() -> (TempDir, SqliteKeys) {
    let (folder, path) = folder();
    let keys = SqliteKeys::open(path).unwrap();
    (folder, keys)
}

async fn reopen_keys() -> (TempDir, KeyDatabase) {
    let (folder, path) = folder();
    (folder, KeyDatabase(path))
}

mod rows {
    use super::open;

    ai_market_core::task_store_tests!(open);
}

mod model {
    use super::reopen;

    ai_market_core::persistent_model_tests!(reopen);

    #[test]
    fn steps_of_one_transaction_answer_and_show_the_same_as_in_memory() {
        ai_market_core::conformance::model::compares_groups_with_memory(reopen);
    }
}

mod rules {
    use super::{open, reopen};

    ai_market_core::market_tests!(open);
    ai_market_core::persistent_market_tests!(reopen);
}

mod keys {
    use super::{open_keys, reopen_keys};

    ai_market_core::key_store_tests!(open_keys);
    ai_market_core::persistent_key_store_tests!(reopen_keys);
}
