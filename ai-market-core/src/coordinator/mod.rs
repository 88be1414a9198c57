//! The coordinator: what stands between workers, clients and the store.

mod acting;
mod builder;
mod client;
mod events;
mod handle;
mod insight;
mod limits;
mod maintenance;
mod metrics;
mod moderation;
mod name_limits;
mod recorder;
mod reply;
mod retention;
mod settings;
mod signals;
mod validate;
mod wakeups;
mod watchers;
mod worker;

pub use acting::Acting;
pub use builder::CoordinatorBuilder;
pub use handle::Coordinator;
pub use limits::Limits;
pub use settings::{InvalidSettings, Settings};
