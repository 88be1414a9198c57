use std::fmt;
use std::str::FromStr;

use super::Event;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $name:literal,)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name under which it is written and asked for.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Event {
            /// What kind of thing it is.
            #[must_use]
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    /// A task was put in.
    TaskCreated: "task_created",
    /// A worker got a lease on a task.
    TaskLeased: "task_leased",
    /// A vote on a task was accepted in time.
    TaskAnswered: "task_answered",
    /// A task got its final label.
    TaskFinalized: "task_finalized",
    /// A task ended without one.
    TaskFailed: "task_failed",
    /// A task was cancelled.
    TaskCancelled: "task_cancelled",
    /// A lease on an open task ended without an answer.
    TaskRequeued: "task_requeued",
    /// A worker registered for the first time, or as another instance or something else than before.
    WorkerRegistered: "worker_registered",
    /// A worker missed heartbeats.
    WorkerStale: "worker_stale",
    /// A worker missed so many that it counts as gone.
    WorkerGone: "worker_gone",
    /// A worker was heard of that had been stale or gone.
    WorkerReturned: "worker_returned",
    /// A worker gets no more tasks.
    WorkerSuspended: "worker_suspended",
    /// A worker gets fewer tasks.
    WorkerProbation: "worker_probation",
    /// A worker is trusted as every worker is at first.
    WorkerReinstated: "worker_reinstated",
    /// Everything was forgotten.
    MarketReset: "market_reset",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of event; there are {}", names())]
pub struct UnknownEvent;

fn names() -> String {
    let names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    names.join(", ")
}

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == text).ok_or(UnknownEvent)
    }
}
