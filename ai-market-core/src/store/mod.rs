//! Where tasks, leases, votes and points are kept.

mod effects;
mod error;
mod frontier;
mod memory;
mod outcome;
mod page;
mod params;
mod query;
pub mod rules;
mod selection;
mod task_store;

pub use effects::Effects;
pub use error::StoreError;
pub use frontier::{ClaimFrontier, ClaimKey};
pub use memory::MemoryStore;
pub use outcome::{
    Claimed, InsertOutcome, Progress, Reaped, Registered, Released, Renewed, SubmitOutcome,
};
pub use page::TaskPage;
pub use params::{Claim, Insert, LeaseScope, Reap, Release, ReleaseReason, Renew, WorkerProfile};
pub use query::{
    LeaderboardQuery, Standing, StatsQuery, StoreStats, TaskQuery, WorkerQuery, WorkerSummary,
};
pub use selection::{ClaimList, Selection};
pub use task_store::TaskStore;
