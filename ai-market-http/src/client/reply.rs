use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LINK, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::wire::ErrorBody;

/// What somebody at the coordinator's URL answered.
pub(super) struct Reply {
    pub(super) url: String,
    pub(super) path: String,
    /// What the request was called when it was sent.
    pub(super) request_id: RequestId,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// How the original system tells of an error.
#[derive(Deserialize)]
struct Detail {
    detail: Value,
}

impl Reply {
    /// The answer, or the error that it tells of.
    pub(super) fn into_json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        if !self.status.is_success() {
            return Err(self.into_error());
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("{}, which is no answer of a coordinator", self.described());
            ApiError::new(ErrorCode::Internal, message)
                .with_request_id(self.request_id())
                .with_source(error)
        })
    }

    /// Whether it is a page of a list that goes on.
    pub(super) fn has_next(&self) -> bool {
        let links = self.headers.get_all(LINK).iter();
        let mut links = links.filter_map(|link| link.to_str().ok());
        links.any(|link| link.contains("rel=\"next\""))
    }

    /// What the coordinator calls the request, which may be a name of its own.
    pub(super) fn request_id(&self) -> String {
        let answered = answered_id(&self.headers);
        answered.as_ref().unwrap_or(&self.request_id).to_string()
    }

    pub(super) fn into_error(self) -> ApiError {
        let id = self.request_id();
        let error = self.error();
        match error.request_id() {
            Some(_) => error,
            None => error.with_request_id(id),
        }
    }

    fn error(self) -> ApiError {
        let fallback = self.code();
        let retry_after = self.retry_after();
        if let Ok(body) = serde_json::from_slice::<ErrorBody>(&self.body) {
            return body.into_error(fallback, retry_after);
        }
        if let Ok(Detail { detail }) = serde_json::from_slice(&self.body) {
            let message = match detail {
                Value::String(text) => text,
                other => other.to_string(),
            };
            return ApiError::new(self.code_of_detail(fallback, &message), message);
        }
        let mut message = self.described();
        if let Some(target) = self.headers.get(LOCATION) {
            let target = String::from_utf8_lossy(target.as_bytes());
            message = format!("{message}, a redirect to {target}; use the URL that it leads to");
        } else if !fallback.is_transient() {
            message = format!("{message}; is a coordinator at {}?", self.url);
        }
        let mut error = ApiError::new(fallback, message);
        if let Some(after) = retry_after {
            error = error.with_retry_after(after);
        }
        error
    }

    /// In words: who answered what with what.
    fn described(&self) -> String {
        let content = self.headers.get(CONTENT_TYPE);
        let content = content.and_then(|value| value.to_str().ok());
        let content = content.and_then(|text| text.split(';').next());
        format!(
            "{}/{} answered {} with {}",
            self.url,
            self.path,
            self.status,
            content.unwrap_or("no content type")
        )
    }

    fn code(&self) -> ErrorCode {
        match self.status {
            StatusCode::BAD_REQUEST => ErrorCode::Malformed,
            StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
            StatusCode::FORBIDDEN => ErrorCode::Forbidden,
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::Invalid,
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::TooManyRequests,
            // A proxy in between says that the coordinator is not there at the moment.
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => ErrorCode::Unavailable,
            _ => ErrorCode::Internal,
        }
    }

    /// The original system has no codes: what it does not find is what the route is about, but for
    /// the words with which its framework says that there is no such route.
    fn code_of_detail(&self, fallback: ErrorCode, detail: &str) -> ErrorCode {
        match fallback {
            ErrorCode::NotFound if detail == "Not Found" => ErrorCode::NotFound,
            ErrorCode::NotFound if self.path == "workers/submit" => ErrorCode::UnknownTask,
            ErrorCode::NotFound if self.path.starts_with("workers/") => ErrorCode::UnknownWorker,
            ErrorCode::NotFound if self.path == "tasks/next" => ErrorCode::UnknownWorker,
            ErrorCode::NotFound if self.path.starts_with("tasks/") => ErrorCode::UnknownTask,
            _ if self.status == StatusCode::CONFLICT => ErrorCode::Closed,
            other => other,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?;
        seconds.trim().parse().ok().map(Duration::from_secs)
    }
}

/// What whoever answered calls the request.
pub(super) fn answered_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(X_REQUEST_ID).and_then(RequestId::parse)
}
