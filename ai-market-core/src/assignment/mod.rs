//! The right of a worker to answer a task until a point in time.

mod assigned;
mod lease;

pub use assigned::Assignment;
pub use lease::Lease;
