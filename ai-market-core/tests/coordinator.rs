//! The coordinator in process does what its APIs promise.

use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::MemoryStore;

async fn open() -> ((), Coordinator) {
    (
        (),
        Coordinator::builder(MemoryStore::new()).build().unwrap(),
    )
}

ai_market_core::market_api_tests!(open);
