use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use tokio::time::Instant;

/// How many items a batch has at most: as many as a coordinator takes unless its operator says
/// otherwise.
const MAX_ITEMS: usize = 1_000;

/// How many bytes a batch has at most, for the same reason.
const MAX_BYTES: usize = 1024 * 1024;

/// After how long a route that was not there is tried again: the coordinator may be a newer one then.
const ABSENT: Duration = Duration::from_secs(10 * 60);

/// What a client has learned of a route that takes batches.
#[derive(Debug)]
pub(super) struct BatchRoute(Mutex<Known>);

#[derive(Debug)]
struct Known {
    limits: BatchLimits,
    absent_until: Option<Instant>,
}

/// How large a batch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchLimits {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// How items may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// One by one.
    Alone,
    /// In smaller batches, as the limits say now.
    InParts,
}

impl Default for BatchRoute {
    fn default() -> Self {
        Self(Mutex::new(Known {
            limits: BatchLimits {
                items: MAX_ITEMS,
                bytes: MAX_BYTES,
            },
            absent_until: None,
        }))
    }
}

impl BatchRoute {
    fn known(&self) -> MutexGuard<'_, Known> {
        // OK because nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> BatchLimits {
        self.known().limits
    }

    /// Whether the coordinator does not have the route, as far as is known.
    pub(super) fn is_absent(&self) -> bool {
        let until = self.known().absent_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Learns from the error of a batch that was refused as a whole. Returns in which other way its
    /// items may be sent again, since nothing was done; `None` when they may not.
    ///
    /// `list` is the field with the items.
    pub(super) fn learn(
        &self,
        error: &ApiError,
        list: &str,
        refused: BatchLimits,
    ) -> Option<Again> {
        let mut known = self.known();
        match error.code() {
            ErrorCode::NotFound | ErrorCode::MethodNotAllowed => {
                known.absent_until = Some(Instant::now() + ABSENT);
                Some(Again::Alone)
            }
            ErrorCode::TooLarge if error.field() == Some(list) => {
                known.limits.items = known.limits.items.min(refused.items / 2).max(1);
                Some(Again::InParts)
            }
            ErrorCode::TooLarge => {
                known.limits.bytes = known.limits.bytes.min(refused.bytes / 2);
                Some(Again::InParts)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: BatchLimits = BatchLimits {
        items: 100,
        bytes: 5_000,
    };

    #[tokio::test(start_paused = true)]
    async fn a_route_that_is_not_there_is_tried_again_after_a_while() {
        for code in [ErrorCode::NotFound, ErrorCode::MethodNotAllowed] {
            let route = BatchRoute::default();
            assert!(!route.is_absent());
            let again = route.learn(&ApiError::new(code, "no"), "tasks", SENT);
            assert_eq!(again, Some(Again::Alone));
            tokio::time::advance(ABSENT - Duration::from_secs(1)).await;
            assert!(route.is_absent());
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(!route.is_absent());
        }
    }

    #[test]
    fn what_was_too_large_is_halved() {
        let route = BatchRoute::default();
        let list = ApiError::new(ErrorCode::TooLarge, "many").with_field("tasks");
        let body = ApiError::new(ErrorCode::TooLarge, "long");
        assert_eq!(route.learn(&list, "tasks", SENT), Some(Again::InParts));
        assert_eq!(
            (route.limits().items, route.limits().bytes),
            (50, MAX_BYTES)
        );
        assert_eq!(route.learn(&body, "tasks", SENT), Some(Again::InParts));
        let learned = BatchLimits {
            items: 50,
            bytes: 2_500,
        };
        assert_eq!(route.limits(), learned);
        // An answer to a larger batch, sent before, tells nothing new.
        let before = BatchLimits {
            items: 1_000,
            bytes: 1_000_000,
        };
        route.learn(&list, "tasks", before);
        route.learn(&body, "tasks", before);
        assert_eq!(route.limits(), learned);
    }

    #[test]
    fn other_errors_teach_nothing() {
        let route = BatchRoute::default();
        for code in ErrorCode::ALL {
            let learns = [
                ErrorCode::NotFound,
                ErrorCode::MethodNotAllowed,
                ErrorCode::TooLarge,
            ];
            if !learns.contains(code) {
                let again = route.learn(&ApiError::new(*code, "no"), "tasks", SENT);
                assert_eq!(again, None);
            }
        }
        assert!(!route.is_absent());
        assert_eq!(route.limits().items, MAX_ITEMS);
    }
}
