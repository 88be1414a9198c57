use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Timestamp;

/// Tells the time.
///
/// Whoever embeds a coordinator or a worker may give it another clock; tests do, and never sleep.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The clock of the operating system, which never goes back while the process runs.
///
/// While the system's clock is behind what this one has told, time goes on at fifteen sixteenths of
/// its speed until the two agree again. So leases run out although somebody puts the clock back.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// By which part of the time that passes a clock that is ahead loses on the system's.
const SLEW: u32 = 16;

/// What the clock told last, and when that was by a clock that nobody can set.
static LATEST: Mutex<Option<(Instant, Timestamp)>> = Mutex::new(None);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // OK because nothing panics under the lock.
        let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
        let instant = Instant::now();
        let system = system_time();
        let now = match *latest {
            Some((then, time)) => steady(time, instant.duration_since(then), system),
            None => system,
        };
        *latest = Some((instant, now));
        now
    }
}

/// The time when `passed` has passed since `last`, and the system's clock says `system`.
fn steady(last: Timestamp, passed: Duration, system: Timestamp) -> Timestamp {
    let ahead = last.plus(passed).since(system);
    last.plus(passed - ahead.min(passed / SLEW)).max(system)
}

fn system_time() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
        }
    };
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn time_goes_on_when_the_system_is_put_back() {
        let seconds = Duration::from_secs;
        assert_eq!(steady(at(100), seconds(16), at(116)), at(116));
        assert_eq!(
            steady(at(100), seconds(16), at(500)),
            at(500),
            "put forward"
        );
        assert_eq!(
            steady(at(3_600), seconds(16), at(16)),
            at(3_615),
            "put back"
        );
        assert_eq!(
            steady(at(100), seconds(160), at(259)),
            at(259),
            "by a second"
        );
    }

    #[test]
    fn it_never_goes_back() {
        let times: Vec<_> = (0..1_000).map(|_| SystemClock.now()).collect();
        assert!(times.is_sorted());
    }
}
