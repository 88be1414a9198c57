use std::sync::Arc;

use ai_market_core::access::{AccessError, Caller, Keys, Principal, Refusal as KeyRefusal};
use ai_market_core::api::{ApiError, ErrorCode};
use poem::http::header;
use poem::{Endpoint, Request, Response};

use super::access::{Access, access};
use super::failure::Refusal;
use super::options::RateLimit;
use super::quota::{KeyRates, Quota};
use super::table::{KnownRoute, RouteTable};
use super::tickets::Tickets;

/// Finds out who asks, before anything else of a request is looked at.
///
/// Without keys everybody is [anyone](Caller::Anyone). With keys, every route but the public ones
/// takes a key, as `Authorization: Bearer aim_...`, or, for events, a ticket; who has none does not even learn which routes
/// there are.
#[derive(Debug)]
pub(super) struct Authenticate<E> {
    inner: E,
    table: Arc<RouteTable>,
    keys: Option<Keys>,
    tickets: Tickets,
    rates: Option<KeyRates>,
}

impl<E> Authenticate<E> {
    pub(super) fn new(
        inner: E,
        table: Arc<RouteTable>,
        keys: Option<Keys>,
        tickets: Tickets,
        rate: Option<RateLimit>,
    ) -> Self {
        Self {
            inner,
            table,
            keys,
            tickets,
            rates: rate.map(KeyRates::from),
        }
    }

    fn quota(&self, caller: &Caller) -> Quota {
        match (&self.rates, caller) {
            (Some(rates), Caller::Holder(holder)) => Quota::new(rates.clone(), holder.key),
            _ => Quota::default(),
        }
    }

    async fn caller(&self, request: &Request) -> Result<Caller, ApiError> {
        let Some(keys) = &self.keys else {
            return Ok(Caller::Anyone);
        };
        let route = self.table.find(request.uri().path());
        let access = route.and_then(|route| access(request.method(), &route.template));
        if access == Some(Access::Public) {
            return Ok(Caller::Anyone);
        }
        let ticket = ticket(request, route);
        let caller = match ticket {
            Some(ticket) => self.tickets.redeem(&ticket).ok_or_else(|| {
                let message = "the ticket is not good, or no longer; ask for another one";
                ApiError::new(ErrorCode::Unauthorized, message)
            })?,
            None => {
                let principal = authenticate(keys, request).await?;
                if let Some(rates) = &self.rates {
                    rates.count_request(principal.key)?;
                }
                Caller::Holder(principal)
            }
        };
        // Of a route that is not there, the routes themselves tell.
        if let Some(Access::For(action)) = access {
            caller.may(action)?;
        }
        Ok(caller)
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Authenticate<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let caller = self.caller(&request).await.map_err(Refusal)?;
        request.set_data(self.quota(&caller));
        request.set_data(caller);
        self.inner.call(request).await
    }
}

/// The ticket that a request for a stream of events shows in the place of a key.
fn ticket(request: &Request, route: Option<&KnownRoute>) -> Option<String> {
    let stream = route.is_some_and(|route| route.template == "/events");
    if !stream || request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    #[derive(serde::Deserialize)]
    struct Shown {
        ticket: Option<String>,
    }
    request.params::<Shown>().ok()?.ticket
}

async fn authenticate(keys: &Keys, request: &Request) -> Result<Principal, ApiError> {
    let unauthorized = |message: String| ApiError::new(ErrorCode::Unauthorized, message);
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        let message = "a key is needed, as in: Authorization: Bearer aim_...";
        return Err(unauthorized(message.to_owned()));
    };
    // A value that is no text is no key either.
    let value = value.to_str().unwrap_or_default();
    let key = match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => {
            let message = "a key is sent as in: Authorization: Bearer aim_...";
            return Err(unauthorized(message.to_owned()));
        }
    };
    keys.authenticate(key).await.map_err(|error| match error {
        AccessError::Refused(refusal) => {
            if refusal != KeyRefusal::Unknown {
                tracing::debug!(%refusal, "a key was refused");
            }
            unauthorized(refusal.to_string())
        }
        AccessError::Store(error) => ApiError::from(error),
        error => ApiError::new(ErrorCode::Internal, "the keys cannot be read").with_source(error),
    })
}
