//! What happens in a market, as a stream that can be followed.

#[allow(clippy::module_inception)]
mod event;
mod event_id;
mod filter;
mod kind;
mod logged;

pub use event::{Event, RequeueCause};
pub use event_id::{EventId, InvalidEventId};
pub use filter::EventFilter;
pub use kind::{EventKind, UnknownEvent};
pub use logged::LoggedEvent;
