//! The behaviour suites of the traits, for whoever implements them (feature `conformance`).
//!
//! Each case is an async function that panics where the rule that it is named after is broken. A
//! macro makes a `#[tokio::test]` of every case: [`task_store_tests!`](crate::task_store_tests)
//! for a [`TaskStore`](crate::store::TaskStore),
//! [`market_store_tests!`](crate::market_store_tests) for what a coordinator needs of it besides,
//! [`persistent_task_store_tests!`](crate::persistent_task_store_tests) and
//! [`persistent_market_store_tests!`](crate::persistent_market_store_tests) for one that outlives its
//! process, [`key_store_tests!`](crate::key_store_tests) and
//! [`persistent_key_store_tests!`](crate::persistent_key_store_tests) for a
//! [`KeyStore`](crate::access::KeyStore), and [`market_api_tests!`](crate::market_api_tests) for a
//! [`WorkerApi`](crate::api::WorkerApi) and [`ClientApi`](crate::api::ClientApi) in one. No case
//! sleeps: the time is an argument.
//!
//! ```
//! # #[cfg(test)]
//! mod conformance {
//!     use ai_market_core::store::MemoryStore;
//!
//!     async fn open() -> ((), MemoryStore) {
//!         ((), MemoryStore::new())
//!     }
//!
//!     ai_market_core::task_store_tests!(open);
//!     ai_market_core::market_store_tests!(open);
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
mod desk;
pub mod market;
mod policies;
pub mod store;

pub use desk::Desk;
