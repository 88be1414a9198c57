use super::{EventStore, StandingStore, TallyStore, TaskStore};

/// All that a coordinator needs of a store: whatever implements the four traits is one.
pub trait MarketStore: TaskStore + TallyStore + StandingStore + EventStore {}

impl<S: TaskStore + TallyStore + StandingStore + EventStore + ?Sized> MarketStore for S {}
