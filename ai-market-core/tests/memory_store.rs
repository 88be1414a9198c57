//! The store in memory keeps every rule of a task store.

use ai_market_core::store::MemoryStore;

async fn open() -> ((), MemoryStore) {
    ((), MemoryStore::new())
}

ai_market_core::task_store_tests!(open);
ai_market_core::market_store_tests!(open);
