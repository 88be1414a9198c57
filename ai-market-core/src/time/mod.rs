//! Points in time, and where they come from.

mod clock;
mod timestamp;

pub use clock::{Clock, SystemClock};
pub use timestamp::{InvalidTimestamp, Timestamp};
