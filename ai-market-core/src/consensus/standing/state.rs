use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How far a worker is trusted with tasks of a type, or of any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Standing {
    /// As every worker is at first.
    #[default]
    Active,
    /// It is watched: it gets tasks, but holds fewer at a time.
    Probation {
        /// How many leases it may hold in all.
        max_leases: NonZeroU32,
        /// Why, for people.
        reason: String,
    },
    /// It gets none.
    Suspended {
        /// Why, for people.
        reason: String,
    },
}

impl Standing {
    /// Whether it is suspended.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        matches!(self, Self::Suspended { .. })
    }

    /// Why it is not active.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Active => None,
            Self::Probation { reason, .. } | Self::Suspended { reason } => Some(reason),
        }
    }

    /// Suspension before probation before none.
    pub(super) const fn severity(&self) -> u8 {
        match self {
            Self::Active => 0,
            Self::Probation { .. } => 1,
            Self::Suspended { .. } => 2,
        }
    }
}
