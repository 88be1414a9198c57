use std::time::Duration;

use crate::id::{OwnerId, WorkerId};
use crate::time::Timestamp;

use super::{KeyHash, KeyId, Role};

/// What is kept of a key; its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The key's id.
    pub id: KeyId,
    /// What it lets its holder do.
    pub role: Role,
    /// The one worker that a worker key acts as; `None` for the other roles.
    pub worker: Option<WorkerId>,
    /// Whose key it is. Workers of one owner never answer the same task twice.
    pub owner: OwnerId,
    /// The SHA-256 of its secret.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused, where it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, where it was.
    pub revoked_at: Option<Timestamp>,
    /// The key that took its place, where it was rotated.
    pub replaced_by: Option<KeyId>,
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is accepted.
    Live,
    /// Its time has passed.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyState {
    /// The state as the wire writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl KeyRecord {
    /// A key made at `created_at` that does not expire.
    #[must_use]
    pub fn new(
        id: KeyId,
        role: Role,
        worker: Option<WorkerId>,
        owner: OwnerId,
        hash: KeyHash,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            role,
            worker,
            owner,
            hash,
            created_at,
            expires_at: None,
            revoked_at: None,
            replaced_by: None,
        }
    }

    /// Whether the key is accepted at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyState::Expired
        } else {
            KeyState::Live
        }
    }

    /// When the key is refused at the latest if it may live for `overlap` from `now` on.
    #[must_use]
    pub fn expiry_within(&self, overlap: Duration, now: Timestamp) -> Timestamp {
        let end = now.plus(overlap);
        self.expires_at.map_or(end, |at| at.min(end))
    }

    /// Who the holder of the key is.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            key: self.id,
            role: self.role,
            worker: self.worker.clone(),
            owner: self.owner.clone(),
        }
    }
}

/// Whoever showed a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The key's id.
    pub key: KeyId,
    /// What it lets its holder do.
    pub role: Role,
    /// The one worker that it may act as.
    pub worker: Option<WorkerId>,
    /// Whose key it is.
    pub owner: OwnerId,
}
