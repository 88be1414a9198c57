use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::request_id::{RequestId, TRACEPARENT, X_REQUEST_ID};

use super::batch::unwritten;
use super::batch_route::BatchRoute;
use super::error::root;
use super::reply::Reply;
use super::{HttpClientBuilder, InvalidClient};

/// A coordinator behind a URL, asked over HTTP.
///
/// It implements [`WorkerApi`](ai_market_core::api::WorkerApi) and
/// [`ClientApi`](ai_market_core::api::ClientApi), so whatever works on a coordinator in process
/// works on this, too. Cloning is cheap; all clones share their connections.
///
/// It repeats nothing by itself; only a stream of events that ended is opened again. An error that
/// did not come from the coordinator has the code [`Unreachable`](ErrorCode::Unreachable) where the
/// request may or may not have been done. Repeating it is safe; for a claim, with a
/// [request id](ai_market_core::api::ClaimRequest::request) of its own.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ai_market_core::api::{ClientApi, TaskSpec};
/// use ai_market_http::HttpClient;
/// use std::time::Duration;
///
/// let client = HttpClient::new("http://127.0.0.1:8000")?;
/// let mut created = client.enqueue(vec![TaskSpec::new("What a day!")]).await;
/// let id = created.remove(0)?;
/// let details = client.task(id, Duration::from_secs(30)).await?;
/// println!("{:?}", details.task.final_label());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: reqwest::Client,
    pub(super) base: Url,
    pub(super) timeout: Duration,
    pub(super) in_flight: usize,
    pub(super) traceparent: fn() -> Option<String>,
    pub(super) task_batches: BatchRoute,
    pub(super) vote_batches: BatchRoute,
}

/// The longest answer that is read: twice a full page of the longest texts, and more than any
/// coordinator sends.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// How long a stream may last in all: the client must have some bound.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client of the coordinator at `url`, such as `http://127.0.0.1:8000`, with the usual
    /// options.
    ///
    /// # Errors
    ///
    /// [`InvalidClient`] when the URL is none of http or https.
    pub fn new(url: impl Into<String>) -> Result<Self, InvalidClient> {
        Self::builder(url).build()
    }

    /// Begins building a client of the coordinator at `url`.
    pub fn builder(url: impl Into<String>) -> HttpClientBuilder {
        HttpClientBuilder::new(url.into())
    }

    /// The coordinator's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.base.as_str().trim_end_matches('/')
    }

    /// Checks that a coordinator answers at the URL.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](ErrorCode::Unreachable) when nobody answers, another code when somebody
    /// else does.
    pub async fn health(&self) -> Result<(), ApiError> {
        #[derive(serde::Deserialize)]
        struct Health {
            ok: bool,
        }
        let health: Health = self.get("health", &[]).await?;
        if health.ok {
            Ok(())
        } else {
            let message = format!("the coordinator at {} does not serve", self.url());
            Err(ApiError::new(ErrorCode::Unavailable, message))
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ApiError> {
        self.get_waiting(path, query, Duration::ZERO).await
    }

    pub(super) async fn get_waiting<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        wait: Duration,
    ) -> Result<T, ApiError> {
        self.get_reply(path, query, wait).await?.into_json()
    }

    pub(super) async fn get_reply(
        &self,
        path: &str,
        query: &[(&str, String)],
        wait: Duration,
    ) -> Result<Reply, ApiError> {
        let request = self.request(Method::GET, path, wait)?.query(query);
        self.send(request, path).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.post_waiting(path, body, Duration::ZERO).await
    }

    pub(super) async fn post_waiting<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        wait: Duration,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).map_err(unwritten)?;
        self.post_json(path, body, wait).await?.into_json()
    }

    /// Posts a body that is JSON already.
    pub(super) async fn post_json(
        &self,
        path: &str,
        body: Vec<u8>,
        wait: Duration,
    ) -> Result<Reply, ApiError> {
        let request = self
            .request(Method::POST, path, wait)?
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.send(request, path).await
    }

    /// A stream of events, as it comes, for the request of this name. How long it may take to begin
    /// is up to who asks.
    pub(super) async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        id: RequestId,
    ) -> Result<Response, ApiError> {
        let request = self.request(Method::GET, path, FOR_EVER)?.query(query);
        let response = self.exchange(request, &id).await?;
        if response.status().is_success() && is_event_stream(response.headers()) {
            return Ok(response);
        }
        Err(self.read(response, path, id).await?.into_error())
    }

    /// One request per item, some at the same time, with the results in the order of the items.
    pub(super) fn each<I, T, F>(
        &self,
        items: Vec<I>,
        ask: impl Fn(I) -> F,
    ) -> impl Stream<Item = Result<T, ApiError>>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        stream::iter(items).map(ask).buffered(self.inner.in_flight)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        wait: Duration,
    ) -> Result<RequestBuilder, ApiError> {
        let url = self.inner.base.join(path).map_err(|error| {
            let message = format!("{}/{path} is no URL", self.url());
            ApiError::new(ErrorCode::Malformed, message).with_source(error)
        })?;
        let mut request = self.inner.client.request(method, url);
        if !wait.is_zero() {
            request = request.timeout(self.inner.timeout.saturating_add(wait));
        }
        Ok(request)
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Reply, ApiError> {
        let id = RequestId::random();
        let response = self.exchange(request, &id).await?;
        self.read(response, path, id).await
    }

    /// Sends a request under a name.
    async fn exchange(
        &self,
        request: RequestBuilder,
        id: &RequestId,
    ) -> Result<Response, ApiError> {
        let mut request = request.header(X_REQUEST_ID, id.to_header());
        if let Some(traceparent) = (self.inner.traceparent)() {
            request = request.header(TRACEPARENT, traceparent);
        }
        let answered = request.send().await;
        answered.map_err(|error| self.unreachable(error, id))
    }

    async fn read(
        &self,
        mut response: Response,
        path: &str,
        request_id: RequestId,
    ) -> Result<Reply, ApiError> {
        let unreachable = |error| self.unreachable(error, &request_id);
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let message = format!("{}/{path} answered with too much", self.url());
                let error = ApiError::new(ErrorCode::Internal, message);
                return Err(error.with_request_id(request_id.as_str()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            url: self.url().to_owned(),
            path: path.to_owned(),
            request_id,
            status,
            headers,
            body,
        })
    }

    pub(super) fn unreachable(&self, error: reqwest::Error, id: &RequestId) -> ApiError {
        let url = self.url();
        let sent = !error.is_connect();
        if sent && error.is_timeout() {
            return self.late(id).with_source(error.without_url());
        }
        let root = root(&error);
        let message = if sent {
            format!("the connection to the coordinator at {url} broke: {root}")
        } else {
            format!("no coordinator answers at {url}: {root}")
        };
        // The message names the address already.
        let error = ApiError::new(ErrorCode::Unreachable, message).with_source(error.without_url());
        // The coordinator may have got it, and then its log has it.
        if sent {
            error.with_request_id(id.as_str())
        } else {
            error
        }
    }

    /// The answer to a request did not come in its time.
    pub(super) fn late(&self, id: &RequestId) -> ApiError {
        let message = format!("the coordinator at {} did not answer in time", self.url());
        ApiError::new(ErrorCode::Unreachable, message).with_request_id(id.as_str())
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|text| text.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}
