use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response};

use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::wire::ErrorBody;

use super::hosts::Hosts;

/// What stands before the routes of a server: it refuses what browsers send for pages of others,
/// bounds the time until the answer, and tells browsers to be careful with it.
#[derive(Debug)]
pub(super) struct Gate<E> {
    pub(super) inner: E,
    pub(super) hosts: Hosts,
    pub(super) answer_timeout: Duration,
}

impl<E: Endpoint<Output = Response>> Endpoint for Gate<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let id = RequestId::of(&mut request);
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let mut response = match self.hosts.objection(method, uri, headers) {
            Some(objection) => refusal(
                StatusCode::FORBIDDEN,
                &ApiError::new(ErrorCode::Forbidden, objection),
                &id,
            ),
            None => {
                let answer = self.inner.get_response(request);
                tokio::time::timeout(self.answer_timeout, answer)
                    .await
                    .unwrap_or_else(|_| self.overdue(&id))
            }
        };
        protect(response.headers_mut());
        Ok(response)
    }
}

impl<E> Gate<E> {
    fn overdue(&self, id: &RequestId) -> Response {
        let timeout = self.answer_timeout;
        tracing::error!(request_id = id.as_str(), ?timeout, "a request was given up");
        unavailable(format!("there was no answer within {timeout:?}"), id)
    }
}

/// What takes the place of a large answer, to the request `id`, for which there is no room.
pub(super) fn crowded(id: &RequestId) -> Response {
    let message = "too many large answers are not read yet; try again in a moment";
    let mut response = unavailable(message.to_owned(), id);
    protect(response.headers_mut());
    response
}

fn unavailable(message: String, id: &RequestId) -> Response {
    let error = ApiError::new(ErrorCode::Unavailable, message);
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, &error, id);
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

fn refusal(status: StatusCode, error: &ApiError, id: &RequestId) -> Response {
    // A body of texts always has a JSON form.
    let body = serde_json::to_vec(&ErrorBody::new(error, Some(id))).unwrap_or_default();
    Response::builder()
        .status(status)
        .content_type("application/json")
        .header(X_REQUEST_ID, id.to_header())
        .body(Body::from_vec(body))
}

fn protect(headers: &mut HeaderMap) {
    let content = headers.get(header::CONTENT_TYPE);
    let is = |kind: &[u8]| content.is_some_and(|content| content.as_bytes().starts_with(kind));
    let (json, page) = (is(b"application/json"), is(b"text/html"));
    let mut unless_set = |name: HeaderName, value| {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    };
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(header::REFERRER_POLICY, "no-referrer");
    if json {
        unless_set(header::CACHE_CONTROL, "no-store");
    }
    if page {
        // Says nothing of scripts, which the page for trying out brings along.
        unless_set(header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'");
    }
}
