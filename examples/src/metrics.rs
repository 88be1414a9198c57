use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ai_market_core::worker::WorkerProgress;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Failure;

/// Connections at the same time: a scraper has one, and a person another.
const MAX_CONNECTIONS: usize = 16;

/// How long a connection may take, from its first byte to the last one of the answer.
const CONNECTION: Duration = Duration::from_secs(10);

/// The longest head of a request.
const MAX_HEAD: usize = 16 * 1024;

/// Serves what a worker counts: `/metrics` for Prometheus, and `/health`.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    served: Arc<Served>,
}

/// What is served.
#[derive(Debug)]
struct Served {
    registry: Registry,
    /// What the worker is at, once there is one.
    progress: OnceLock<WorkerProgress>,
}

/// Hands a worker to a [`MetricsServer`] that began before there was one.
#[derive(Debug, Clone)]
pub struct Handover(Arc<Served>);

impl Handover {
    /// Shows the worker's state from now on.
    pub fn worker(&self, progress: WorkerProgress) {
        // The first one stays, and there is only one.
        let _ = self.0.progress.set(progress);
    }
}

/// Reads where to serve: a port, on this machine alone, or an address with one.
///
/// # Errors
///
/// When it is neither.
pub fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse()
        .map_err(|_| "it is neither a port like 9101 nor an address like 127.0.0.1:9101".to_owned())
}

impl MetricsServer {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When it cannot, such as where the port is in use.
    pub async fn bind(address: SocketAddr, registry: Registry) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot serve metrics at {address}: {error}"))?;
        let served = Arc::new(Served {
            registry,
            progress: OnceLock::new(),
        });
        Ok(Self { listener, served })
    }

    /// Where it listens, with the port that it got.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes the worker when there is one.
    #[must_use]
    pub fn handover(&self) -> Handover {
        Handover(self.served.clone())
    }

    /// Serves until the future is dropped.
    pub async fn serve(self) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // Held by the connection; whoever comes when all are taken waits for one.
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let served = self.served.clone();
                    connections.spawn(async move {
                        // What a peer does wrong is its own affair.
                        drop(timeout(CONNECTION, connection(stream, served)).await);
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection for metrics");
                    // Such as where there are no file descriptors left.
                    sleep(Duration::from_millis(100)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn connection(stream: TcpStream, served: Arc<Served>) -> Result<(), hyper::Error> {
    let service = service_fn(move |request| {
        let answer = served.answer(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        // The timeout of the connection covers it.
        .header_read_timeout(None::<Duration>)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

impl Served {
    fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "this takes GET\n".to_owned(),
            );
            let get = hyper::header::HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, get);
            return refusal;
        }
        match request.uri().path() {
            "/metrics" => match TextEncoder::new().encode_to_string(&self.registry.gather()) {
                Ok(metrics) => typed(StatusCode::OK, TEXT_FORMAT, metrics),
                Err(error) => {
                    tracing::error!(%error, "cannot write the metrics");
                    let message = "the metrics cannot be written; the log says why\n";
                    text(StatusCode::INTERNAL_SERVER_ERROR, message.to_owned())
                }
            },
            "/health" => {
                let state = self.progress.get().map_or_else(
                    || "loading".to_owned(),
                    |progress| progress.now().state.to_string(),
                );
                let body = serde_json::json!({ "ok": true, "state": state });
                typed(StatusCode::OK, "application/json", body.to_string())
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /metrics and /health\n".to_owned(),
            ),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<String> {
    typed(status, "text/plain; charset=utf-8", body)
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
