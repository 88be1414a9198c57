//! The store in memory is what a store must be, and the market keeps its rules on it.

// The macro takes an async function.
#![allow(clippy::unused_async)]

use std::sync::Arc;

use ai_market_core::store::{MemoryOptions, TaskStore};
use ai_market_core::time::ManualClock;

async fn open(clock: ManualClock) -> ((), Arc<dyn TaskStore>) {
    ((), Arc::new(MemoryOptions::new().with_clock(clock).build()))
}

mod store {
    use super::open;

    ai_market_core::task_store_tests!(open);
}

mod model {
    use super::open;

    ai_market_core::model_tests!(open);
}

mod rules {
    use super::open;

    ai_market_core::market_tests!(open);
}
