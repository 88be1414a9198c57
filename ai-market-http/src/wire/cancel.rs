use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::Field;

/// Why a task is cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Cancel")]
pub(crate) struct CancelRequest {
    /// The reason, for people; at most 500 bytes of it are kept.
    #[serde(default)]
    reason: Field<Option<String>>,
}

impl CancelRequest {
    pub(crate) const fn new(reason: Option<String>) -> Self {
        Self {
            reason: Field(reason),
        }
    }

    pub(crate) fn into_reason(self) -> Option<String> {
        self.reason.0
    }
}
