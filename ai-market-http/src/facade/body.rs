use std::fmt::Display;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use futures_util::StreamExt;
use poem::http::header;
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::RouteOptions;
use super::depth::is_deeper;
use super::failure::Refusal;

/// How much of a body over the limit is read and thrown away, so that a client that only listens
/// once it has sent everything gets the answer.
const DRAINED: usize = 8 * 1024 * 1024;

/// A JSON body, read by serde.
///
/// It differs from poem-openapi's own in that errors name the field, that the body is bounded in
/// size and time, and that JSON without a Content-Type is taken.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

/// Bounds on a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    max_bytes: usize,
    max_depth: usize,
    timeout: Duration,
}

impl From<&RouteOptions> for BodyLimits {
    fn from(options: &RouteOptions) -> Self {
        Self {
            max_bytes: options.max_body_bytes,
            max_depth: options.max_json_depth.min(RouteOptions::DEEPEST_JSON),
            timeout: options.body_timeout,
        }
    }
}

impl BodyLimits {
    /// Those of the routes that a request came to.
    pub(super) fn of(request: &Request) -> Self {
        let limits = request.data().copied();
        limits.unwrap_or_else(|| (&RouteOptions::default()).into())
    }

    /// Reads a body that is said to be JSON.
    pub(super) async fn take(
        self,
        request: &Request,
        body: &mut RequestBody,
    ) -> poem::Result<Vec<u8>> {
        check_content_type(request).map_err(Refusal)?;
        Ok(self.read(request, body.take()?).await.map_err(Refusal)?)
    }

    /// Reads a JSON object.
    pub(super) fn parse<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, ApiError> {
        parse(bytes, self.max_depth)
    }

    async fn read(self, request: &Request, body: Body) -> Result<Vec<u8>, ApiError> {
        let announced = request
            .header(header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or(0);
        let asks_first = request.header(header::EXPECT).is_some();
        let hopeless = announced > self.max_bytes.saturating_add(DRAINED);
        if hopeless || (asks_first && announced > self.max_bytes) {
            return Err(self.too_large());
        }
        tokio::time::timeout(self.timeout, self.read_all(body, announced))
            .await
            .map_err(|_| {
                let message = format!("the body did not arrive within {:?}", self.timeout);
                ApiError::new(ErrorCode::Malformed, message)
            })?
    }

    async fn read_all(self, body: Body, announced: usize) -> Result<Vec<u8>, ApiError> {
        let mut stream = std::pin::pin!(body.into_bytes_stream());
        let mut bytes = Vec::with_capacity(announced.min(self.max_bytes).min(64 * 1024));
        let mut seen = 0_usize;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::new(ErrorCode::Malformed, "the body ended early").with_source(error)
            })?;
            seen = seen.saturating_add(chunk.len());
            if seen <= self.max_bytes {
                bytes.extend_from_slice(&chunk);
            } else if seen - self.max_bytes > DRAINED {
                break;
            } else {
                bytes = Vec::new();
            }
        }
        if seen > self.max_bytes {
            return Err(self.too_large());
        }
        Ok(bytes)
    }

    fn too_large(self) -> ApiError {
        let message = format!("a body may have at most {} bytes", self.max_bytes);
        ApiError::new(ErrorCode::TooLarge, message)
    }
}

/// JSON is taken under its own name, under `.../...+json`, and without any.
fn check_content_type(request: &Request) -> Result<(), ApiError> {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
    {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::UnsupportedMediaType,
        "the body must be JSON (Content-Type: application/json)",
    ))
}

fn parse<T: DeserializeOwned>(bytes: &[u8], max_depth: usize) -> Result<T, ApiError> {
    if is_deeper(bytes, max_depth) {
        let message =
            format!("the body is nested too deeply; at most {max_depth} levels are taken");
        return Err(ApiError::new(ErrorCode::Malformed, message));
    }
    // In two steps, so that what is no JSON at all is told from a wrong value, and since serde
    // would take a list for an object.
    let value: Value = serde_json::from_slice(bytes).map_err(not_json)?;
    if !value.is_object() {
        return Err(not_an_object());
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = shorten(error.path().to_string());
        let message = shorten(error.into_inner().to_string());
        match missing_field(&message) {
            Some(field) if path == "." => ApiError::invalid(field.to_owned(), message),
            Some(field) => ApiError::invalid(format!("{path}.{field}"), message),
            None if path == "." => ApiError::new(ErrorCode::Invalid, message),
            None => ApiError::invalid(path, message),
        }
    })
}

pub(super) fn not_json(error: impl Display) -> ApiError {
    let message = format!("the body is not JSON: {error}");
    ApiError::new(ErrorCode::Malformed, message)
}

pub(super) fn not_an_object() -> ApiError {
    ApiError::new(ErrorCode::Invalid, "the body must be a JSON object")
}

/// Messages and paths repeat what was sent, which may be long.
fn shorten(mut text: String) -> String {
    const MAX: usize = 200;
    if text.len() > MAX {
        text.truncate(text.floor_char_boundary(MAX));
        text.push_str("...");
    }
    text
}

/// The field that serde's message says is missing; its path leads only to the object around it.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Self::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let limits = BodyLimits::of(request);
        let bytes = limits.take(request, body).await?;
        Ok(Self(limits.parse(&bytes).map_err(Refusal)?))
    }
}

impl<T: Type> Payload for JsonBody<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for JsonBody<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => Response::builder()
                .content_type("application/json")
                .body(Body::from_vec(bytes)),
            Err(error) => {
                let message = "the coordinator could not write its answer";
                let error = ApiError::new(ErrorCode::Internal, message).with_source(error);
                poem::Error::from(Refusal(error)).into_response()
            }
        }
    }
}

impl<T: Type + Serialize> ApiResponse for JsonBody<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Self::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
