use std::time::Instant;

use poem::http::HeaderValue;
use poem::{Endpoint, Request, Response};
use tracing::field::Empty;
use tracing::{Instrument, Span, error_span};

use crate::request_id::{RequestId, TRACEPARENT, X_REQUEST_ID};

/// Names each request, in its span, its answer and the log.
///
/// The span has the level of errors, so that whatever is logged of a request has its id, whatever is
/// left out of the log.
#[derive(Debug)]
pub(super) struct Traced<E> {
    pub(super) inner: E,
    pub(super) traceparent: Option<fn(&Span, &str)>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Traced<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let start = Instant::now();
        let id = RequestId::of(&mut request);
        // What is empty is known when it is answered. The path is not in it, since it may hold ids.
        let span = error_span!(
            "request",
            request_id = id.as_str(),
            method = request.method().as_str(),
            route = Empty,
            status = Empty,
        );
        let parent = request.headers().get(TRACEPARENT);
        if let (Some(adopt), Some(Ok(parent))) = (self.traceparent, parent.map(HeaderValue::to_str))
        {
            adopt(&span, parent);
        }
        let answer = async {
            let mut response = self.inner.call(request).await?;
            let status = response.status().as_u16();
            span.record("status", status);
            tracing::debug!(status, took = ?start.elapsed(), "answered");
            response.headers_mut().insert(X_REQUEST_ID, id.to_header());
            Ok(response)
        };
        answer.instrument(span.clone()).await
    }
}
