use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::id::{TaskType, WorkerId};
use crate::time::Timestamp;

use super::{Effects, StoreError};

/// Keeps how far workers are trusted.
///
/// A [`TaskStore`](super::TaskStore) implements it on what it keeps. A store must
/// - ask the [`StandingPolicy`](crate::consensus::StandingPolicy) in the very step in which a track
///   record changes, through [`Standings::assess`](crate::consensus::Standings::assess);
/// - give a suspended worker no task of what it is suspended for, and one on probation no more
///   leases than its standing allows;
/// - end, as returned, the leases of a worker on what it is suspended for, in the step that
///   suspends it, and take no vote for them any more;
/// - let what was decided by hand stand until somebody decides otherwise;
/// - judge a reinstated worker only by what comes after.
#[async_trait]
pub trait StandingStore: Debug + Send + Sync + 'static {
    /// Suspends or reinstates a worker by hand.
    async fn set_standing(&self, change: StandingChange) -> Result<StandingChanged, StoreError>;
}

/// Somebody decides how far a worker is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandingChange {
    /// The worker.
    pub worker: WorkerId,
    /// For tasks of this type; `None` for the worker as a whole.
    pub task_type: Option<TaskType>,
    /// What is decided.
    pub ruling: Ruling,
    /// The time now.
    pub now: Timestamp,
}

/// What is decided of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It gets no tasks, for this reason, until it is reinstated.
    Suspend(String),
    /// It is active again, and judged only by what comes from now on; for the worker as a whole, so
    /// it is for every type.
    Reinstate,
}

impl StandingChange {
    /// `ruling` on `worker` as a whole.
    #[must_use]
    pub const fn new(worker: WorkerId, ruling: Ruling, now: Timestamp) -> Self {
        Self {
            worker,
            task_type: None,
            ruling,
            now,
        }
    }

    /// Only for tasks of `task_type`.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }
}

/// What became of a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandingChanged {
    /// There is no such worker.
    UnknownWorker,
    /// It holds; this is what the end of leases did.
    Done(Effects),
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: StandingStore + ?Sized> StandingStore for $pointer<S> {
            async fn set_standing(
                &self,
                change: StandingChange,
            ) -> Result<StandingChanged, StoreError> {
                (**self).set_standing(change).await
            }
        }
    )*};
}

forward!(Arc, Box);
