use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ErrorCode};
use ai_market_core::id::InstanceId;
use tokio::time::Instant;

use super::shares::{Share, Shares};

/// How long a ticket is good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);

/// How many tickets may be out, a quarter of them of one key: more than anybody opens pages in half a
/// minute.
const MOST: usize = 10_000;

/// What lets browsers into a stream of events: their `EventSource` cannot send a key as a header,
/// and a key does not belong into a URL.
///
/// A ticket lets its holder's caller in once, and soon. It is memory only: after a restart one asks
/// for another.
#[derive(Debug, Clone)]
pub(super) struct Tickets {
    out: Arc<Mutex<HashMap<String, Ticket>>>,
    shares: Shares,
}

#[derive(Debug)]
struct Ticket {
    caller: Caller,
    until: Instant,
    _share: Share,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            out: Arc::default(),
            shares: Shares::of(MOST, "tickets"),
        }
    }
}

impl Tickets {
    fn out(&self) -> MutexGuard<'_, HashMap<String, Ticket>> {
        // OK because nothing panics under the lock.
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a ticket for `caller`.
    pub(super) fn issue(&self, caller: Caller) -> Result<String, ApiError> {
        // 128 random bits are what is needed here as well.
        let ticket = InstanceId::random().map_err(|error| {
            let message = "the operating system gives no random bytes";
            ApiError::new(ErrorCode::Internal, message).with_source(error)
        })?;
        let now = Instant::now();
        let mut out = self.out();
        let mut share = self.shares.take(&caller);
        if share.is_err() || out.len() >= MOST {
            out.retain(|_, ticket| ticket.until > now);
        }
        if share.is_err() {
            share = self.shares.take(&caller);
        }
        if out.len() >= MOST {
            let message = "too many tickets are out; try again in a moment";
            return Err(
                ApiError::new(ErrorCode::TooManyRequests, message).with_retry_after(LIFETIME)
            );
        }
        let ticket = ticket.as_str().to_owned();
        let issued = Ticket {
            caller,
            until: now + LIFETIME,
            _share: share?,
        };
        out.insert(ticket.clone(), issued);
        Ok(ticket)
    }

    /// Whom a ticket lets in, which it does once.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Caller> {
        let ticket = self.out().remove(ticket)?;
        (ticket.until > Instant::now()).then_some(ticket.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(Caller::Anyone).unwrap();
        assert_eq!(tickets.redeem("another"), None);
        assert_eq!(tickets.redeem(&ticket), Some(Caller::Anyone));
        assert_eq!(tickets.redeem(&ticket), None);
        let late = tickets.issue(Caller::Anyone).unwrap();
        tokio::time::advance(LIFETIME).await;
        assert_eq!(tickets.redeem(&late), None);
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_that_nobody_uses_make_room() {
        let tickets = Tickets::default();
        for _ in 0..MOST {
            tickets.issue(Caller::Anyone).unwrap();
        }
        let refused = tickets.issue(Caller::Anyone).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TooManyRequests);
        tokio::time::advance(LIFETIME).await;
        assert!(tickets.issue(Caller::Anyone).is_ok());
        assert_eq!(tickets.out().len(), 1);
    }
}
