use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a task stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Open, and no worker holds a lease on it.
    Queued,
    /// Open, and at least one worker holds a lease on it.
    Assigned,
    /// Closed with a final label.
    Finalized,
    /// Closed without one.
    Failed,
    /// Closed on request.
    Cancelled,
}

impl TaskStatus {
    /// Every status, in the order of a task's life.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Assigned,
        Self::Finalized,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The status as the wire contract writes it, such as `queued`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Assigned => "assigned",
            Self::Finalized => "finalized",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the task can still change: it is queued or assigned.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Assigned)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a status is queued, assigned, finalized, failed or cancelled")]
pub struct InvalidTaskStatus;

impl FromStr for TaskStatus {
    type Err = InvalidTaskStatus;

    fn from_str(text: &str) -> Result<Self, InvalidTaskStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(InvalidTaskStatus)
    }
}
