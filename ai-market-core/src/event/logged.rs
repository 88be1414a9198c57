use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

use super::{Event, EventId};

/// An event with its place in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoggedEvent {
    /// Its place.
    pub id: EventId,
    /// When the step was taken that it tells of.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// The event as JSON, once somebody asked: many readers are sent the same.
    #[serde(skip)]
    json: OnceLock<Box<str>>,
}

impl LoggedEvent {
    /// `event`, which happened at `at`, at the place `id`.
    #[must_use]
    pub const fn new(id: EventId, at: Timestamp, event: Event) -> Self {
        Self {
            id,
            at,
            event,
            json: OnceLock::new(),
        }
    }

    /// The event as one flat JSON object in one line: `id`, `at`, and the fields of the
    /// [`Event`].
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| {
            // OK because only maps with keys that are no strings cannot be written, and there are
            // none.
            let json = serde_json::to_string(self).unwrap_or_default();
            json.into_boxed_str()
        })
    }
}

impl Eq for LoggedEvent {}

impl PartialEq for LoggedEvent {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.at) == (other.id, other.at) && self.event == other.event
    }
}
