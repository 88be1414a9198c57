//! Where tasks, leases, votes and points are kept.

mod effects;
mod error;
mod event_store;
mod frontier;
mod market_store;
mod memory;
mod outcome;
mod page;
mod params;
mod profile;
mod query;
pub mod rules;
mod selection;
mod serving;
mod standing_store;
mod tally;
mod tally_store;
mod task_store;

pub use effects::Effects;
pub use error::StoreError;
pub use event_store::{EventPage, EventQuery, EventStart, EventStore, KEPT_EVENTS};
pub use frontier::{ClaimFrontier, ClaimKey};
pub use market_store::MarketStore;
pub use memory::MemoryStore;
pub use outcome::{
    Claimed, InsertOutcome, Progress, Reaped, Registered, Released, Renewed, SubmitOutcome,
    Submitted,
};
pub use page::TaskPage;
pub use params::{Claim, Insert, LeaseScope, Reap, Release, ReleaseReason, Renew};
pub use profile::{WorkerModel, WorkerProfile};
pub use query::{
    LeaderboardQuery, Place, Presence, StatsQuery, StoreStats, TaskQuery, WorkerQuery,
    WorkerSummary,
};
pub use selection::{ClaimList, Selection};
pub use serving::{Serving, ServingQuery};
pub use standing_store::{Ruling, StandingChange, StandingChanged, StandingStore};
pub use tally::{Tally, TallyBy, TallyGroup, TallyQuery, TallyRow};
pub use tally_store::TallyStore;
pub use task_store::TaskStore;
