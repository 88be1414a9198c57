use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use ai_market_core::event::{EventId, EventKind, UnknownEvent};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Field, Kind};

/// Kinds of events with commas between them, as a query names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct EventKinds(pub(crate) BTreeSet<EventKind>);

impl FromStr for EventKinds {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let kinds = text.split(',').map(|kind| kind.trim().parse());
        kinds.collect::<Result<_, _>>().map(Self)
    }
}

impl Display for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.0.iter().map(|kind| kind.as_str()).collect();
        f.write_str(&kinds.join(","))
    }
}

impl TryFrom<String> for EventKinds {
    type Error = UnknownEvent;

    fn try_from(text: String) -> Result<Self, UnknownEvent> {
        text.parse()
    }
}

impl From<EventKinds> for String {
    fn from(kinds: EventKinds) -> Self {
        kinds.to_string()
    }
}

impl Kind for EventKinds {
    fn schema() -> MetaSchema {
        let names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let any = names.join("|");
        MetaSchema {
            pattern: Some(format!("^({any})(,({any}))*$")),
            example: Some(Value::from("task_finalized,task_failed")),
            ..MetaSchema::new("string")
        }
    }
}

impl Kind for EventId {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[0-9]{1,39}$".to_owned()),
            example: Some(Value::from("4711")),
            ..MetaSchema::new("string")
        }
    }

    fn from_text(text: &str) -> Result<Self, impl Display> {
        text.parse::<Self>()
    }
}

/// The beginning of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HelloBody {
    /// The place after which the stream begins.
    pub(crate) id: EventId,
    /// The newest event that there is: what comes up to it was before.
    #[serde(default)]
    pub(crate) newest: EventId,
    /// The coordinator's time.
    pub(crate) now: Timestamp,
}

/// What was before a stream began has come; what comes now is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CaughtUpBody {
    /// The place to which the stream has come.
    pub(crate) id: EventId,
}

/// Events that will not come: those after one place, up to and with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MissedBody {
    pub(crate) after: EventId,
    pub(crate) until: EventId,
}

/// A ticket for one stream of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Ticket")]
pub(crate) struct TicketBody {
    /// What `GET /events` takes as `ticket` in the place of a key, once.
    pub(crate) ticket: String,
    /// Until when.
    pub(crate) expires_at: Field<Timestamp>,
}
