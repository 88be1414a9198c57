use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::request_id::RequestId;

use super::{Field, Seconds};

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
    /// After how many seconds to try again. Only an error within the results of a batch has it; of
    /// others the header `Retry-After` tells.
    #[serde(default, skip_serializing_if = "Field::is_none")]
    retry_after_seconds: Field<Option<Seconds>>,
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
                retry_after_seconds: Field(None),
            },
        }
    }

    /// What is said of an error of one item of a batch. The header `X-Request-Id` names the request.
    pub(crate) fn of_item(error: &ApiError) -> Self {
        let mut body = Self::new(error, None);
        body.error.retry_after_seconds = Field(error.retry_after().map(Seconds));
        body
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
        let of_item = self.error.retry_after_seconds.0.map(|after| after.0);
        if let Some(after) = retry_after.or(of_item) {
            error = error.with_retry_after(after);
        }
        error
    }
}
