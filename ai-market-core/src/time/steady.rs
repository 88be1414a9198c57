use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Clock, Timestamp};

/// A clock that never goes back: while the one that it asks does, it stands still.
#[derive(Debug)]
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// The latest time that it told, in microseconds.
    latest: AtomicI64,
}

impl SteadyClock {
    /// Takes the time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            latest: AtomicI64::new(i64::MIN),
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        // OK because nothing else is published with the time.
        let before = self.latest.fetch_max(now.as_micros(), Ordering::Relaxed);
        now.max(Timestamp::from_micros(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    #[test]
    fn it_stands_still_while_its_clock_goes_back() {
        let clock = ManualClock::new(Timestamp::from_micros(100));
        let steady = SteadyClock::new(Arc::new(clock.clone()));
        assert_eq!(steady.now().as_micros(), 100);
        clock.set(Timestamp::from_micros(50));
        assert_eq!(steady.now().as_micros(), 100);
        clock.set(Timestamp::from_micros(101));
        assert_eq!(steady.now().as_micros(), 101);
    }
}
