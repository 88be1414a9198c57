//! The keys in memory keep every rule of a key store.

use ai_market_core::access::MemoryKeys;

async fn open() -> ((), MemoryKeys) {
    ((), MemoryKeys::new())
}

ai_market_core::key_store_tests!(open);
