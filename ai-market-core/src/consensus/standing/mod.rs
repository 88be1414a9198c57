//! How far a worker is trusted with tasks, by what its track record shows.

mod always_active;
mod policy;
mod sequential;
mod standings;
mod state;

pub use always_active::AlwaysActive;
pub use policy::StandingPolicy;
pub use sequential::{InvalidSequentialTest, SequentialTest};
pub use standings::{StandingCause, StandingEntry, Standings};
pub use state::Standing;
