use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Event, EventId, LoggedEvent};
use crate::store::{EventPage, EventQuery, EventStart};
use crate::time::Timestamp;

/// The newest events.
#[derive(Debug, Clone)]
pub(super) struct EventLog {
    events: VecDeque<Arc<LoggedEvent>>,
    /// The place of the newest event that was dropped.
    dropped: EventId,
    newest: EventId,
    kept: usize,
}

impl EventLog {
    /// An empty log that will keep so many events.
    pub(super) const fn keeping(kept: usize) -> Self {
        Self {
            events: VecDeque::new(),
            dropped: EventId::START,
            newest: EventId::START,
            kept,
        }
    }

    pub(super) fn push(&mut self, event: Event, now: Timestamp) {
        self.newest = EventId::new(self.newest.get() + 1);
        let event = LoggedEvent::new(self.newest, now, event);
        self.events.push_back(Arc::new(event));
        if self.events.len() > self.kept
            && let Some(oldest) = self.events.pop_front()
        {
            self.dropped = oldest.id;
        }
    }

    /// Drops every event, and goes on with the places.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.dropped = self.newest;
    }

    pub(super) fn page(&self, query: EventQuery) -> EventPage {
        let len = self.events.len();
        let skipped = match query.start {
            EventStart::After(place) => self.events.partition_point(|event| event.id <= place),
            EventStart::Last(n) => len.saturating_sub(n),
        };
        let events = self.events.range(skipped..).take(query.limit);
        let after = match query.start {
            EventStart::After(place) => place.max(self.dropped),
            EventStart::Last(_) => {
                let before = skipped.checked_sub(1).and_then(|n| self.events.get(n));
                before.map_or(self.dropped, |event| event.id)
            }
        };
        EventPage::new(events.cloned().collect(), after, self.dropped, self.newest)
    }
}
