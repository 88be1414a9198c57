use std::sync::Arc;

use crate::event::{EventId, LoggedEvent};

/// How many of the newest events a store keeps where nothing else is said.
pub const KEPT_EVENTS: usize = 100_000;

/// Where a page of events begins.
///
/// A place may be that of another log, and beyond every event of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStart {
    /// After this place.
    After(EventId),
    /// With so many of the newest events. Zero asks for none, only for the newest place.
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

    /// The same with at most `limit` events. Zero asks only for the place after which the page
    /// begins.
    #[must_use]
    pub const fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Arc<LoggedEvent>>,
    /// The place after which the page begins, whatever its limit.
    ///
    /// It is the place that was asked for, or the one before the newest `n` events, and at least
    /// [`kept_after`](Self::kept_after).
    pub after: EventId,
    /// Every event after this place is kept; those up to it are not.
    pub kept_after: EventId,
    /// The newest event that there is, or was before it was dropped.
    pub newest: EventId,
}

impl EventPage {
    /// A page of `events` that begins after `after`, of a log that is kept from after `kept_after`
    /// up to `newest`.
    #[must_use]
    pub const fn new(
        events: Vec<Arc<LoggedEvent>>,
        after: EventId,
        kept_after: EventId,
        newest: EventId,
    ) -> Self {
        Self {
            events,
            after,
            kept_after,
            newest,
        }
    }
}
