use std::marker::PhantomData;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::request_id::RequestId;
use crate::wire::ErrorBody;

/// The status that goes with a code.
pub(super) fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed => StatusCode::BAD_REQUEST,
        ErrorCode::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::Suspended => StatusCode::FORBIDDEN,
        ErrorCode::NotFound
        | ErrorCode::UnknownTask
        | ErrorCode::UnknownWorker
        | ErrorCode::UnknownKey => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Closed
        | ErrorCode::NotAssigned
        | ErrorCode::OtherModel
        | ErrorCode::Superseded
        | ErrorCode::IdempotencyConflict
        | ErrorCode::KeyNotLive => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::MarketFull | ErrorCode::Unavailable | ErrorCode::Unreachable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The response that tells of an error of the request `id`.
pub(super) fn response(error: &ApiError, id: Option<&RequestId>) -> Response {
    let status = status_of(error.code());
    // A body of texts always has a JSON form.
    let body = serde_json::to_vec(&ErrorBody::new(error, id)).unwrap_or_default();
    let mut response = Response::builder()
        .status(status)
        .content_type("application/json")
        .body(Body::from_vec(body));
    if let Some(after) = error.retry_after() {
        let header = HeaderValue::from(whole_seconds(after));
        response.headers_mut().insert(header::RETRY_AFTER, header);
    }
    if error.code() == ErrorCode::Unauthorized {
        let header = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, header);
    }
    response
}

/// Retry-After takes whole seconds; to try again early is worse than late.
fn whole_seconds(after: Duration) -> u64 {
    let up = u64::from(after.subsec_nanos() > 0);
    after.as_secs().saturating_add(up).max(1)
}

/// An [`ApiError`] on its way through poem.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Refusal(pub(super) ApiError);

impl ResponseError for Refusal {
    fn status(&self) -> StatusCode {
        status_of(self.0.code())
    }

    fn as_response(&self) -> Response {
        response(&self.0, None)
    }
}

/// The errors that a route answers with.
pub(super) trait Errors: Send + Sync + 'static {
    /// Its own codes.
    const CODES: &'static [ErrorCode];
}

/// An error of a route with the [errors](Errors) `E`, which the OpenAPI document shows.
#[derive(Debug)]
pub(super) struct Failure<E> {
    error: ApiError,
    errors: PhantomData<E>,
}

impl<E> From<ApiError> for Failure<E> {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            errors: PhantomData,
        }
    }
}

impl<E: Errors> From<Failure<E>> for poem::Error {
    fn from(failure: Failure<E>) -> Self {
        Refusal(failure.error).into()
    }
}

impl<E: Errors> ApiResponse for Failure<E> {
    fn meta() -> MetaResponses {
        const EVERYWHERE: [ErrorCode; 3] = [
            ErrorCode::TooManyRequests,
            ErrorCode::Internal,
            ErrorCode::Unavailable,
        ];
        let mut responses: Vec<MetaResponse> = Vec::new();
        for code in E::CODES.iter().copied().chain(EVERYWHERE) {
            let status = status_of(code).as_u16();
            if responses.iter().any(|other| other.status == Some(status)) {
                continue;
            }
            responses.push(MetaResponse {
                description: match code {
                    ErrorCode::MarketFull => {
                        "`market_full`: as many tasks are open as may be; or `unavailable`: the \
                         coordinator cannot reach its store"
                    }
                    ErrorCode::Suspended => {
                        "`suspended`: the worker is suspended for all that it can do; the message \
                         says why"
                    }
                    _ => description(status),
                },
                status: Some(status),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: ErrorBody::schema_ref(),
                }],
                headers: if code.is_transient() || code == ErrorCode::Suspended {
                    vec![MetaHeader {
                        name: "RETRY-AFTER".to_owned(),
                        description: Some("After how many seconds to try again".to_owned()),
                        required: false,
                        deprecated: false,
                        schema: u64::schema_ref(),
                    }]
                } else {
                    Vec::new()
                },
            });
        }
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        ErrorBody::register(registry);
    }
}

fn description(status: u16) -> &'static str {
    match status {
        400 => "`malformed`: the body is not JSON, nested too deeply, or did not arrive",
        403 => "`forbidden`: the operator has not allowed this",
        404 => "`unknown_task`, `unknown_worker` or `unknown_key`: there is none of that id",
        409 => {
            "`closed`, `not_assigned`, `other_model`, `superseded`, `idempotency_conflict` or \
             `key_not_live`: what was asked does not fit what is there"
        }
        413 => "`too_large`: the body or a list in it is larger than is taken",
        415 => "`unsupported_media_type`: the body is not said to be JSON",
        422 => "`invalid`: a value is absent, of the wrong type or out of range; `field` names it",
        429 => "`too_many_requests`: there are more requests than are taken",
        503 => "`unavailable`: the coordinator cannot reach its store",
        _ => "`internal`: a fault of the coordinator",
    }
}
