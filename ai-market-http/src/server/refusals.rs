use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use poem::http::StatusCode;
use tokio::time::Instant;

use super::ServerLimits;
use super::peers::peer_of;

/// From how many peers on it is looked which of them need no longer be remembered.
const FEW: usize = 1_024;

/// Nobody waits longer than that for a refusal.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Holds back the refusals of peers that are refused again and again.
///
/// To refuse costs little, but not nothing, and whoever waits for its refusal asks nothing else
/// meanwhile. It counts by peer, since a connection is made anew in no time; and it holds back
/// refusals alone, since an honest client may share an address, or a proxy, with a hostile one.
#[derive(Debug)]
pub(super) struct Refusals {
    pace: Option<Pace>,
    /// When each peer's refusals would have been due had they all been held back to the pace.
    due: Mutex<Due>,
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The time between two refusals in the long run.
    interval: Duration,
    /// By how much they may run ahead of that.
    ahead: Duration,
    max_delay: Duration,
}

#[derive(Debug)]
struct Due {
    peers: HashMap<IpAddr, Instant>,
    /// With how many it is looked next which need no longer be remembered.
    look_at: usize,
}

impl Refusals {
    pub(super) fn new(limits: &ServerLimits) -> Self {
        let pace = limits.refusal_rate.map(|rate| {
            let interval = Duration::from_secs(1) / rate.per_second.get();
            Pace {
                interval,
                ahead: interval.saturating_mul(rate.burst.get()),
                max_delay: limits.max_refusal_delay.min(LONGEST),
            }
        });
        Self {
            pace,
            due: Mutex::new(Due {
                peers: HashMap::new(),
                look_at: FEW,
            }),
        }
    }

    /// How long the answer of this status to a peer is to be held back.
    pub(super) fn delay(&self, peer: IpAddr, status: StatusCode) -> Duration {
        match self.pace {
            Some(pace) if is_for_the_request(status) => self.refuse(pace, peer_of(peer)),
            _ => Duration::ZERO,
        }
    }

    fn refuse(&self, pace: Pace, peer: IpAddr) -> Duration {
        let now = Instant::now();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.forget(now);
        let at = due.peers.entry(peer).or_insert(now);
        let next = (*at).max(now) + pace.interval;
        // What is not held back longer is not owed either: a peer that stops is soon forgiven.
        *at = next.min(now + pace.ahead + pace.max_delay);
        at.saturating_duration_since(now + pace.ahead)
    }
}

impl Due {
    /// Forgets, now and then, whose refusals are all past: it is as if there had been none.
    fn forget(&mut self, now: Instant) {
        if self.peers.len() >= self.look_at {
            self.peers.retain(|_, due| *due > now);
            self.look_at = (self.peers.len() * 2).max(FEW);
        }
    }
}

/// Whether a status says that the request is bad whenever it comes, and not that it came at a bad
/// time: to a closed task, say.
fn is_for_the_request(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::RateLimit;

    const BAD: StatusCode = StatusCode::BAD_REQUEST;

    fn refusals(per_second: u32, burst: u32) -> Refusals {
        let number = |n| NonZeroU32::new(n).unwrap();
        Refusals::new(&ServerLimits {
            refusal_rate: Some(RateLimit {
                per_second: number(per_second),
                burst: number(burst),
            }),
            max_refusal_delay: Duration::from_secs(1),
            ..ServerLimits::default()
        })
    }

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    fn millis(refusals: &Refusals, n: u8) -> u128 {
        refusals.delay(peer(n), BAD).as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_held_back_longer_and_longer() {
        let refusals = refusals(10, 3);
        let delays: Vec<_> = (0..15).map(|_| millis(&refusals, 1)).collect();
        let mut expected = vec![0, 0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
        expected.resize(15, 1_000);
        assert_eq!(delays, expected);
        // Nobody else is.
        assert_eq!(millis(&refusals, 2), 0);
        let good = [200, 404, 409, 429, 500, 503];
        for status in good.map(|status| StatusCode::from_u16(status).unwrap()) {
            assert_eq!(refusals.delay(peer(1), status), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_is_forgiven() {
        let refusals = refusals(10, 3);
        for _ in 0..1_000 {
            refusals.delay(peer(1), BAD);
        }
        tokio::time::advance(Duration::from_millis(1_100)).await;
        assert_eq!([(); 3].map(|()| millis(&refusals, 1)), [0, 100, 200]);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!([(); 4].map(|()| millis(&refusals, 1)), [0, 0, 0, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_pace_nothing_is_held_back() {
        let refusals = refusals(10, 1);
        for _ in 0..100 {
            assert_eq!(millis(&refusals, 1), 0);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn peers_are_not_remembered_for_ever() {
        let refusals = refusals(10, 3);
        for n in 0..100_000_u32 {
            refusals.delay(n.to_be_bytes().into(), BAD);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let remembered = refusals.due.lock().unwrap().peers.len();
        assert!(remembered <= FEW, "{remembered}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_delay_is_too_long_to_be_told() {
        let refusals = Refusals::new(&ServerLimits {
            refusal_rate: Some(RateLimit {
                per_second: NonZeroU32::MIN,
                burst: NonZeroU32::MAX,
            }),
            max_refusal_delay: Duration::MAX,
            ..ServerLimits::default()
        });
        assert_eq!(millis(&refusals, 1), 0);
    }

    #[test]
    fn it_can_be_turned_off() {
        let refusals = Refusals::new(&ServerLimits {
            refusal_rate: None,
            ..ServerLimits::default()
        });
        assert!((0..1_000).all(|_| millis(&refusals, 1) == 0));
    }
}
