use std::time::Duration;

use ai_market_core::access::{IssuedKey, KeyId, KeyRecord, KeySpec, Keys, Role};
use ai_market_core::id::{OwnerId, WorkerId};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::{Field, Seconds};

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "NewKey")]
pub(crate) struct KeyRequest {
    /// What it lets its holder do.
    role: Field<Role>,
    /// The one worker that it is for; needed for role `worker`, and for no other.
    #[serde(default)]
    worker_id: Field<Option<WorkerId>>,
    /// Whose key it is; the worker's own where it is absent. Workers of one owner never answer the
    /// same task twice.
    #[serde(default)]
    owner: Field<Option<OwnerId>>,
    /// When it expires; never where it is absent.
    #[serde(default)]
    expires_at: Field<Option<Timestamp>>,
}

impl From<KeyRequest> for KeySpec {
    fn from(request: KeyRequest) -> Self {
        let mut spec = Self::new(request.role.0);
        spec.worker = request.worker_id.0;
        spec.owner = request.owner.0;
        spec.expires_at = request.expires_at.0;
        spec
    }
}

/// How a key is rotated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Object)]
#[oai(rename = "Rotation")]
pub(crate) struct RotateRequest {
    /// For how long the old key is accepted beside the new one; a day where it is absent.
    #[serde(default)]
    overlap_seconds: Field<Option<Seconds>>,
}

impl RotateRequest {
    pub(crate) fn overlap(&self) -> Duration {
        self.overlap_seconds
            .0
            .map_or(Keys::DEFAULT_OVERLAP, |overlap| overlap.0)
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Key")]
pub(crate) struct KeyBody {
    /// Its id, which is no secret.
    id: Field<KeyId>,
    /// What it lets its holder do.
    role: Field<Role>,
    /// The one worker that it is for.
    worker_id: Field<Option<WorkerId>>,
    /// Whose key it is.
    owner: Field<OwnerId>,
    /// `live`, `expired` or `revoked`.
    state: Field<String>,
    /// When it was issued.
    created_at: Field<Timestamp>,
    /// When it expires.
    expires_at: Field<Option<Timestamp>>,
    /// When it was revoked.
    revoked_at: Field<Option<Timestamp>>,
    /// The key that took its place.
    replaced_by: Field<Option<KeyId>>,
}

impl KeyBody {
    pub(crate) fn new(record: KeyRecord, now: Timestamp) -> Self {
        Self {
            state: Field(record.state(now).as_str().to_owned()),
            id: Field(record.id),
            role: Field(record.role),
            worker_id: Field(record.worker),
            owner: Field(record.owner),
            created_at: Field(record.created_at),
            expires_at: Field(record.expires_at),
            revoked_at: Field(record.revoked_at),
            replaced_by: Field(record.replaced_by),
        }
    }
}

/// A key that was just issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "IssuedKey")]
pub(crate) struct IssuedBody {
    /// The key itself; it is shown this once.
    key: Field<String>,
    /// Its id, which is no secret.
    id: Field<KeyId>,
    /// What it lets its holder do.
    role: Field<Role>,
    /// The one worker that it is for.
    worker_id: Field<Option<WorkerId>>,
    /// Whose key it is.
    owner: Field<OwnerId>,
    /// When it expires.
    expires_at: Field<Option<Timestamp>>,
}

impl From<IssuedKey> for IssuedBody {
    fn from(issued: IssuedKey) -> Self {
        Self {
            key: Field(issued.key.reveal()),
            id: Field(issued.record.id),
            role: Field(issued.record.role),
            worker_id: Field(issued.record.worker),
            owner: Field(issued.record.owner),
            expires_at: Field(issued.record.expires_at),
        }
    }
}
