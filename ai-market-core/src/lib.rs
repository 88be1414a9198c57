//! Redundant AI inference on machines that one does not fully trust.
//!
//! (module overview follows with the crate)

pub mod api;
pub mod assignment;
pub mod confidence;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod consensus;
pub mod coordinator;
pub mod id;
pub mod inference;
pub mod store;
pub mod submission;
pub mod task;
pub mod time;
pub mod worker;
