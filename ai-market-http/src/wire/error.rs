use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::request_id::RequestId;

use super::Field;

/// What every response that is not a success holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Error")]
pub(crate) struct ErrorBody {
    pub(crate) error: Fault,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub(crate) struct Fault {
    /// What kind of error it is, for programs.
    pub(crate) code: String,
    /// What went wrong, for people.
    pub(crate) message: String,
    /// The field of the request that is to blame.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub(crate) field: Field<Option<String>>,
    /// What the request is called in the coordinator's log; the same as in the header
    /// `X-Request-Id`.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub(crate) request_id: Field<Option<String>>,
}

fn is_absent(field: &Field<Option<String>>) -> bool {
    field.0.is_none()
}

impl ErrorBody {
    /// What is said of an error of the request `id`.
    pub(crate) fn new(error: &ApiError, id: Option<&RequestId>) -> Self {
        Self {
            error: Fault {
                code: error.code().to_string(),
                message: error.message().to_owned(),
                field: Field(error.field().map(str::to_owned)),
                request_id: Field(id.map(ToString::to_string)),
            },
        }
    }

    /// The error that the other side meant; `fallback` is the code where this side does not know
    /// the one that was sent.
    pub(crate) fn into_error(self, fallback: ErrorCode, retry_after: Option<Duration>) -> ApiError {
        let code = ErrorCode::parse(&self.error.code).unwrap_or(fallback);
        let mut error = ApiError::new(code, self.error.message);
        if let Some(field) = self.error.field.0 {
            error = error.with_field(field);
        }
        if let Some(id) = self.error.request_id.0 {
            error = error.with_request_id(id);
        }
        if let Some(after) = retry_after {
            error = error.with_retry_after(after);
        }
        error
    }
}
