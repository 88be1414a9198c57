//! The market keeps its rules on a store on another machine, also where several coordinators share
//! it.

// The macros take async functions.
#![allow(clippy::unused_async)]

mod coordinators;
mod liveness;
mod round_trips;
mod steps;
mod support;

use std::sync::Arc;

use ai_market_core::conformance::Reopen;
use ai_market_core::conformance::remote::RemoteDatabase;
use ai_market_core::store::TaskStore;
use ai_market_core::time::ManualClock;
use async_trait::async_trait;

async fn open(clock: ManualClock) -> ((), Arc<dyn TaskStore>) {
    ((), Arc::new(RemoteDatabase::new(clock).connect()))
}

/// A database that is restarted before each coordinator connects.
#[derive(Debug)]
struct Restarted(RemoteDatabase);

#[async_trait]
impl Reopen for Restarted {
    async fn open(&self) -> Arc<dyn TaskStore> {
        self.0.restart();
        Arc::new(self.0.connect())
    }
}

async fn reopen(clock: ManualClock) -> ((), Restarted) {
    ((), Restarted(RemoteDatabase::new(clock)))
}

mod store {
    use super::open;

    ai_market_core::task_store_tests!(open);
}

mod rules {
    use super::{open, reopen};

    ai_market_core::market_tests!(open);
    ai_market_core::persistent_market_tests!(reopen);
}

mod model {
    use super::reopen;

    ai_market_core::persistent_model_tests!(reopen);
}
