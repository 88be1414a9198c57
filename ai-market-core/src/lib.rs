//! Redundant AI inference on machines that one does not fully trust.
//!
//! (module overview follows with the crate)

pub mod confidence;
pub mod id;
pub mod inference;
pub mod submission;
pub mod time;
