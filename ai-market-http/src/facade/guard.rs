use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use ai_market_core::api::{ApiError, ErrorCode};
use futures_util::FutureExt;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, Request, Response};
use poem_openapi::error::{ParseParamError, ParsePathError};
use tracing::Span;

use crate::request_id::RequestId;

use super::body::BodyLimits;
use super::failure::{Refusal, response};
use super::metrics::Metrics;
use super::table::{KnownRoute, RouteTable};

/// What stands around all routes: it turns every error into the one JSON shape, and counts.
#[derive(Debug)]
pub(super) struct Guard<E> {
    pub(super) inner: E,
    pub(super) table: Arc<RouteTable>,
    pub(super) metrics: Metrics,
    pub(super) limits: BodyLimits,
}

impl<E: Endpoint<Output = Response>> Endpoint for Guard<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let start = Instant::now();
        let _in_flight = self.metrics.came();
        let method = request.method().clone();
        self.table.tell_apart(&mut request);
        let route = self.table.find(request.uri().path());
        let template = route.map_or("other", |route| &route.template);
        Span::current().record("route", template);
        let id = RequestId::of(&mut request);
        request.set_data(self.limits);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let response = match answer.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => self.refuse(error, route, &id),
            Err(_) => {
                // The panic hook has told of what, but not of which request.
                tracing::error!("a request failed by a panic");
                response(&fault(), Some(&id))
            }
        };
        let took = start.elapsed();
        let status = response.status();
        self.metrics.answered(template, &method, status, took);
        Ok(response)
    }
}

impl<E> Guard<E> {
    fn refuse(&self, error: poem::Error, route: Option<&KnownRoute>, id: &RequestId) -> Response {
        let status = error.status();
        let refused = to_api_error(error, route);
        // A full market is no fault, and there may be many who hear of it.
        if status.is_server_error() && refused.code() != ErrorCode::MarketFull {
            tracing::error!(error = &refused as &dyn Error, "a request failed");
        }
        let mut response = response(&refused, Some(id));
        if let (StatusCode::METHOD_NOT_ALLOWED, Some(route)) = (status, route)
            && let Ok(allow) = HeaderValue::from_str(&route.allow)
        {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}

fn fault() -> ApiError {
    ApiError::new(
        ErrorCode::Internal,
        "the coordinator failed; its log says why",
    )
}

fn to_api_error(error: poem::Error, route: Option<&KnownRoute>) -> ApiError {
    if let Some(Refusal(error)) = error.downcast_ref() {
        return error.clone();
    }
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        return ApiError::invalid(error.name, reason(&error.reason));
    }
    if let Some(error) = error.downcast_ref::<ParsePathError>() {
        return ApiError::invalid(error.name, reason(&error.reason));
    }
    match error.status() {
        StatusCode::NOT_FOUND => ApiError::new(ErrorCode::NotFound, "there is no such route"),
        StatusCode::METHOD_NOT_ALLOWED => {
            let takes = route.map_or("another method", |route| &route.allow);
            let message = format!("this route takes {takes}");
            ApiError::new(ErrorCode::MethodNotAllowed, message)
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(ErrorCode::TooLarge, "the request is too large")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "the request is in a format that is not taken",
        ),
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::Malformed, error.to_string())
        }
        _ => fault().with_source(error.to_string()),
    }
}

/// poem-openapi wraps the reason in the names of Rust types, which mean nothing to a client.
fn reason(text: &str) -> String {
    let text = text.strip_prefix("failed to parse \"");
    let inner = text.and_then(|text| text.split_once("\": "));
    let inner = inner.map_or("the value is not what is expected", |(_, inner)| inner);
    let end = inner.find(" (occurred while parsing \"");
    inner[..end.unwrap_or(inner.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use ai_market_core::store::StoreError;
    use poem::endpoint::make;
    use poem::http::Method;
    use prometheus::Registry;

    use super::super::RouteOptions;
    use super::super::operations::OperationRoutes;
    use super::*;

    async fn answer(inner: impl Endpoint<Output = Response>) -> (StatusCode, Response, String) {
        let guard = Guard {
            inner,
            table: Arc::new(RouteTable::of::<OperationRoutes>(&[])),
            metrics: Metrics::new(&Registry::new()),
            limits: BodyLimits::from(&RouteOptions::default()),
        };
        let request = Request::builder().method(Method::GET).uri_str("/health");
        let mut response = guard.call(request.finish()).await.unwrap();
        let body = response.take_body().into_string().await.unwrap();
        (response.status(), response, body)
    }

    async fn answer_to(error: impl Into<poem::Error>) -> (StatusCode, Response, String) {
        let error = std::sync::Mutex::new(Some(error.into()));
        answer(make(move |_| {
            let error = error.lock().unwrap().take().unwrap();
            async move { Err::<Response, _>(error) }
        }))
        .await
    }

    #[tokio::test]
    async fn what_is_inside_stays_inside() {
        let secret = || std::io::Error::other("/secret/file is gone");
        let stored = Refusal(ApiError::from(StoreError::failed(secret())));
        let foreign = poem::error::InternalServerError(secret());
        for error in [stored.into(), foreign] {
            let (status, _, body) = answer_to(error).await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(
                body.starts_with(r#"{"error":{"code":"internal","#),
                "{body}"
            );
            assert!(!body.contains("secret"), "{body}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_fault_and_not_the_end() {
        fn burst() -> poem::Result<Response> {
            panic!("secret")
        }
        let (status, _, body) = answer(make(|_| async { burst() })).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            body.contains("internal") && !body.contains("secret"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn what_passes_tells_when_to_try_again() {
        let unavailable = || ApiError::from(StoreError::unavailable("locked"));
        let later = unavailable().with_retry_after(std::time::Duration::from_millis(1_500));
        for (error, after) in [(unavailable(), "1"), (later, "2")] {
            let (status, response, body) = answer_to(Refusal(error)).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.header("retry-after"), Some(after));
            assert!(!body.contains("locked"), "{body}");
        }
        let (status, response, _) =
            answer_to(Refusal(ApiError::from(StoreError::Overloaded))).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.header("retry-after"), Some("1"));
    }
}
