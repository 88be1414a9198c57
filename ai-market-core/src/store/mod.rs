//! Where a market is kept: rows, ordered look-ups and atomic transactions, without any of its
//! [rules](crate::market).

mod claimable;
mod closed_tasks;
mod error;
mod event_page;
pub(crate) mod memory;
mod models;
mod needs;
mod page;
mod profile;
mod query;
mod rows;
mod serving;
mod stats;
mod step;
mod tally;
mod task_store;
mod task_types;
mod transaction;

pub use claimable::{Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, Involvement};
pub use closed_tasks::{ClosedQuery, ClosedTask};
pub use error::StoreError;
pub use event_page::{EventPage, EventQuery, EventStart, KEPT_EVENTS};
pub use memory::{MemoryOptions, MemoryStore};
pub use models::{ModelQuery, ModelReport, ModelTaskType};
pub use needs::{Needs, Overdue};
pub use page::TaskPage;
pub use profile::{WorkerModel, WorkerProfile};
pub use query::{
    LeaderboardQuery, Place, Presence, TaskOrder, TaskQuery, WorkerQuery, WorkerSummary,
};
pub use rows::{
    Absence, Addition, Counter, LeaseRow, LossRow, SEEN_INTERVAL, ServiceRow, SilentWorker,
    WorkerRow,
};
pub use serving::ServingCounts;
pub use stats::{StatsQuery, StoreStats};
pub use step::{Step, Turn};
pub use tally::{Tally, TallyBy, TallyGroup, TallyQuery, TallyRow};
pub use task_store::TaskStore;
pub use task_types::{TaskTypeQuery, TaskTypeSummary};
pub use transaction::{KeyValue, Transaction, TransactionError};
