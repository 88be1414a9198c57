use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ai_market_core::access::{Caller, KeyId};
use ai_market_core::api::{ApiError, ErrorCode};

/// Which part of what there is one key may hold.
const PART: usize = 4;

/// How much of something each key holds: at most a quarter, so that no key takes all of it.
///
/// Callers without a key are not told apart, and bounded by what there is alone.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    what: &'static str,
    most: usize,
    held: Arc<Mutex<HashMap<KeyId, usize>>>,
}

/// One that is held, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Option<(Shares, KeyId)>,
}

impl Shares {
    /// Shares of so many, called `what`.
    pub(super) fn of(total: usize, what: &'static str) -> Self {
        Self {
            what,
            most: total.div_ceil(PART),
            held: Arc::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        // OK because nothing panics under the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more for `caller`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TooManyRequests`] when its key holds as many as it may.
    pub(super) fn take(&self, caller: &Caller) -> Result<Share, ApiError> {
        let Caller::Holder(holder) = caller else {
            return Ok(Share { of: None });
        };
        let mut held = self.held();
        let count = held.entry(holder.key).or_default();
        if *count >= self.most {
            let message = format!(
                "this key holds {count} {} already, the most for one key; try again soon",
                self.what
            );
            let refused = ApiError::new(ErrorCode::TooManyRequests, message);
            return Err(refused.with_retry_after(Duration::from_secs(1)));
        }
        *count += 1;
        Ok(Share {
            of: Some((self.clone(), holder.key)),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((shares, key)) = &self.of else {
            return;
        };
        let mut held = shares.held();
        if let Some(count) = held.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                held.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ai_market_core::access::{KeySpec, Keys, MemoryKeys, Role};
    use ai_market_core::time::SystemClock;

    use super::*;

    async fn caller(keys: &Keys) -> Caller {
        let issued = keys.create(KeySpec::new(Role::Client)).await.unwrap();
        let principal = keys.authenticate(&issued.key.reveal()).await.unwrap();
        Caller::Holder(principal)
    }

    #[tokio::test]
    async fn a_key_holds_a_quarter_and_what_it_lets_go_of_is_free() {
        let keys = Keys::new(MemoryKeys::new(), SystemClock);
        let (alice, bob) = (caller(&keys).await, caller(&keys).await);
        let shares = Shares::of(7, "streams");
        let held = [shares.take(&alice), shares.take(&alice)].map(Result::unwrap);
        let refused = shares.take(&alice).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TooManyRequests);
        let other = shares.take(&bob).unwrap();
        drop(held);
        let again = shares.take(&alice).unwrap();
        drop((again, other));
        assert!(shares.held().is_empty());
        // Where there are no keys, there is nobody to tell apart.
        let anyone: Vec<_> = (0..9).map(|_| shares.take(&Caller::Anyone)).collect();
        assert!(anyone.iter().all(Result::is_ok));
        assert_eq!(Shares::of(1, "streams").most, 1);
    }
}
