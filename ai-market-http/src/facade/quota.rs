use std::num::NonZeroU32;
use std::sync::Arc;

use ai_market_core::access::KeyId;
use ai_market_core::api::{ApiError, ErrorCode};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, RateLimiter};

use super::options::RateLimit;

/// How often each key may ask.
#[derive(Debug, Clone)]
pub(super) struct KeyRates {
    limiter: Arc<DefaultKeyedRateLimiter<KeyId>>,
    burst: NonZeroU32,
}

impl From<RateLimit> for KeyRates {
    fn from(rate: RateLimit) -> Self {
        let quota = governor::Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self {
            limiter: Arc::new(RateLimiter::keyed(quota)),
            burst: rate.burst,
        }
    }
}

impl KeyRates {
    /// Counts a request of a key.
    ///
    /// # Errors
    ///
    /// [`TooManyRequests`](ErrorCode::TooManyRequests) when the key asks too often.
    pub(super) fn count_request(&self, key: KeyId) -> Result<(), ApiError> {
        self.limiter.check_key(&key).map_err(too_often)
    }
}

/// The rate of the key that a request shows; the request itself has counted already.
#[derive(Debug, Clone, Default)]
pub(super) struct Quota(Option<(KeyRates, KeyId)>);

impl Quota {
    pub(super) const fn new(rates: KeyRates, key: KeyId) -> Self {
        Self(Some((rates, key)))
    }

    /// Counts the request once for each of the `items` in its list `name`: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](ErrorCode::TooLarge) when a key may never ask so often at once,
    /// [`TooManyRequests`](ErrorCode::TooManyRequests) when it may not now.
    pub(super) fn count_items(&self, name: &str, items: usize) -> Result<(), ApiError> {
        let Some((rates, key)) = &self.0 else {
            return Ok(());
        };
        let max = rates.burst;
        let too_many = || {
            let message = format!(
                "{items} items are given at once; at most {max} are taken with one key, each of \
                 which counts as a request"
            );
            ApiError::new(ErrorCode::TooLarge, message).with_field(name)
        };
        let items = u32::try_from(items).map_err(|_| too_many())?;
        let Some(more) = NonZeroU32::new(items.saturating_sub(1)) else {
            return Ok(());
        };
        if items > max.get() {
            return Err(too_many());
        }
        let counted = rates.limiter.check_key_n(key, more);
        counted.map_err(|_| too_many())?.map_err(too_often)
    }
}

fn too_often(not_until: NotUntil<<DefaultClock as Clock>::Instant>) -> ApiError {
    let message = "this key asks too often; try again in a moment";
    ApiError::new(ErrorCode::TooManyRequests, message)
        .with_retry_after(not_until.wait_time_from(DefaultClock::default().now()))
}
