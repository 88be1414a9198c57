//! The behaviour suites of the traits, for whoever implements them (feature `conformance`).
//!
//! Each case is an async function that panics where the rule that it is named after is broken. A
//! macro makes a `#[tokio::test]` of every case: [`market_tests!`](crate::market_tests) for the rules
//! of the [market](crate::market) on a [`TaskStore`](crate::store::TaskStore),
//! [`persistent_market_tests!`](crate::persistent_market_tests) for one that outlives its process,
//! [`task_store_tests!`](crate::task_store_tests) for what such a store is by itself,
//! [`model_tests!`](crate::model_tests) for random operations on a market over it,
//! [`key_store_tests!`](crate::key_store_tests) and
//! [`persistent_key_store_tests!`](crate::persistent_key_store_tests) for a
//! [`KeyStore`](crate::access::KeyStore), and [`market_api_tests!`](crate::market_api_tests) for a
//! [`WorkerApi`](crate::api::WorkerApi) and [`ClientApi`](crate::api::ClientApi) in one. No case
//! sleeps: the store takes its time from a clock that the case sets.
//!
//! [`remote`] is a fake of a database that several coordinators share, for tests.
//!
//! ```
//! # #[cfg(test)]
//! mod conformance {
//!     use std::sync::Arc;
//!
//!     use ai_market_core::store::{MemoryOptions, TaskStore};
//!     use ai_market_core::time::ManualClock;
//!
//!     async fn open(clock: ManualClock) -> ((), Arc<dyn TaskStore>) {
//!         ((), Arc::new(MemoryOptions::new().with_clock(clock).build()))
//!     }
//!
//!     ai_market_core::task_store_tests!(open);
//!     ai_market_core::market_tests!(open);
//! }
//! ```

// The suite speaks by panicking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc
)]

pub mod access;
pub mod api;
mod counting;
#[doc(hidden)]
pub mod harness;
pub mod model;
pub(crate) mod policies;
pub mod remote;
pub mod rules;
mod step;
pub mod store;

pub use counting::{CountingStore, Counts};
pub use harness::Harness;
pub use rules::durability::{Reopen, Restart};
pub use step::{FnStep, StepResult, run_step};
