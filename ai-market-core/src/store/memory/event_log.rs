use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Event, EventId, LoggedEvent};
use crate::store::{EventPage, EventQuery, EventStart};
use crate::time::Timestamp;

/// The newest events.
#[derive(Debug, Clone)]
pub(super) struct EventLog {
    events: VecDeque<Arc<LoggedEvent>>,
    newest: EventId,
    kept: usize,
}

impl EventLog {
    /// An empty log that will keep so many events.
    pub(super) const fn keeping(kept: usize) -> Self {
        Self {
            events: VecDeque::new(),
            newest: EventId::START,
            kept,
        }
    }

    pub(super) fn push(&mut self, event: Event, now: Timestamp) {
        self.newest = EventId::new(self.newest.get() + 1);
        let event = LoggedEvent::new(self.newest, now, event);
        self.events.push_back(Arc::new(event));
        if self.events.len() > self.kept {
            self.events.pop_front();
        }
    }

    /// Drops every event, and goes on with the places.
    pub(super) fn clear(&mut self) {
        self.events.clear();
    }

    pub(super) fn page(&self, query: EventQuery) -> EventPage {
        let len = self.events.len();
        let skipped = match query.start {
            EventStart::After(place) => self.events.partition_point(|event| event.id <= place),
            EventStart::Last(n) => len.saturating_sub(n),
        };
        let events = self.events.range(skipped..).take(query.limit);
        let oldest = self.events.front().map(|event| event.id.get());
        let kept_after = oldest.map_or(self.newest, |oldest| EventId::new(oldest - 1));
        EventPage::new(events.cloned().collect(), kept_after, self.newest)
    }
}
