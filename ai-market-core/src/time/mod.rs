//! Points in time, and where they come from.

mod clock;
mod manual;
mod steady;
mod timestamp;

pub use clock::{Clock, SystemClock};
pub use manual::ManualClock;
pub use steady::SteadyClock;
pub use timestamp::{InvalidTimestamp, Timestamp};
