//! The cases that every store passes, and those for stores that outlive their process.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use ai_market_core::access::KeyStore;
use ai_market_core::conformance::access::durability::ReopenKeys;
use ai_market_core::conformance::store::durability::Reopen;
use ai_market_core::store::MarketStore;
use ai_market_sqlite::{SqliteKeys, SqliteStore};
use async_trait::async_trait;
use tempfile::TempDir;

async fn open() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("market.db")).unwrap();
    (folder, store)
}

#[derive(Debug)]
struct Place(TempDir);

#[async_trait]
impl Reopen for Place {
    async fn open(&self) -> Arc<dyn MarketStore> {
        Arc::new(SqliteStore::open(self.0.path().join("market.db")).unwrap())
    }
}

async fn open_keys() -> (TempDir, SqliteKeys) {
    let folder = tempfile::tempdir().unwrap();
    let keys = SqliteKeys::open(folder.path().join("market.db")).unwrap();
    (folder, keys)
}

#[async_trait]
impl ReopenKeys for Place {
    async fn open(&self) -> Arc<dyn KeyStore> {
        Arc::new(SqliteKeys::open(self.0.path().join("market.db")).unwrap())
    }
}

async fn reopen() -> ((), Place) {
    ((), Place(tempfile::tempdir().unwrap()))
}

mod every_store {
    use super::open;

    ai_market_core::task_store_tests!(open);
    ai_market_core::market_store_tests!(open);
}

mod persistent {
    use super::reopen;

    ai_market_core::persistent_task_store_tests!(reopen);
    ai_market_core::persistent_market_store_tests!(reopen);
}

mod keys {
    use super::open_keys;

    ai_market_core::key_store_tests!(open_keys);
}

mod persistent_keys {
    use super::reopen;

    ai_market_core::persistent_key_store_tests!(reopen);
}
