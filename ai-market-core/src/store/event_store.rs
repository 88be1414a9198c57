use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::event::{EventId, LoggedEvent};

use super::StoreError;

/// Keeps the log of what happened.
///
/// A [`TaskStore`](super::TaskStore) implements it on its steps. A store must
/// - log what a step did in that very step, so that exactly what was done can be read, in the order
///   in which it was done, and nothing that was not;
/// - give each event a higher place than every one that could be read before, also after a restart
///   and after everything was forgotten, which it logs;
/// - keep the newest events, as many as it was told to at least, and drop the oldest beyond that.
#[async_trait]
pub trait EventStore: Debug + Send + Sync + 'static {
    /// A page of events, oldest first.
    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError>;
}

/// How many of the newest events a store keeps where nothing else is said.
pub const KEPT_EVENTS: usize = 100_000;

/// Where a page of events begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStart {
    /// After this place.
    After(EventId),
    /// With so many of the newest ones; none, to learn which is the newest.
    Last(usize),
}

/// A page of events is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventQuery {
    /// Where it begins.
    pub start: EventStart,
    /// How many events at most.
    pub limit: usize,
}

impl EventQuery {
    /// The first `limit` events after `place`.
    #[must_use]
    pub const fn after(place: EventId, limit: usize) -> Self {
        Self {
            start: EventStart::After(place),
            limit,
        }
    }

    /// The newest `n` events.
    #[must_use]
    pub const fn last(n: usize) -> Self {
        Self {
            start: EventStart::Last(n),
            limit: n,
        }
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Arc<LoggedEvent>>,
    /// Every event after this place is kept; those up to it are not.
    pub kept_after: EventId,
    /// The newest event that there is, or was before it was dropped.
    pub newest: EventId,
}

impl EventPage {
    /// A page of a log that is kept from after `kept_after` up to `newest`.
    #[must_use]
    pub const fn new(events: Vec<Arc<LoggedEvent>>, kept_after: EventId, newest: EventId) -> Self {
        Self {
            events,
            kept_after,
            newest,
        }
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: EventStore + ?Sized> EventStore for $pointer<S> {
            async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
                (**self).events(query).await
            }
        }
    )*};
}

forward!(Arc, Box);
