use super::{StandingStore, TallyStore, TaskStore};

/// All that a coordinator needs of a store: whatever implements the three traits is one.
pub trait MarketStore: TaskStore + TallyStore + StandingStore {}

impl<S: TaskStore + TallyStore + StandingStore + ?Sized> MarketStore for S {}
