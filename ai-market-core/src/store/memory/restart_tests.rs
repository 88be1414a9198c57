//! What a market does when it begins again on the rows of an earlier one.
//!
//! The store in memory does not outlive its process; here its rows do.

// The macro takes an async function.
#![allow(clippy::unused_async)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{MemoryOptions, MemoryStore};
use crate::conformance::Reopen;
use crate::store::TaskStore;
use crate::time::ManualClock;

/// Gives the rows of the store that it opened last to the next one.
#[derive(Debug)]
struct Kept {
    options: MemoryOptions,
    last: Mutex<Arc<MemoryStore>>,
}

#[async_trait]
impl Reopen for Kept {
    async fn open(&self) -> Arc<dyn TaskStore> {
        let mut last = self.last.lock().unwrap();
        assert_eq!(Arc::strong_count(&last), 1, "the store before is closed");
        let opened = Arc::new(self.options.build());
        std::mem::swap(&mut *opened.state(), &mut *last.state());
        *last = Arc::clone(&opened);
        opened
    }
}

async fn reopen(clock: ManualClock) -> ((), Kept) {
    let options = MemoryOptions::new().with_clock(clock);
    let last = Mutex::new(Arc::new(options.build()));
    ((), Kept { options, last })
}

crate::persistent_market_tests!(reopen);
