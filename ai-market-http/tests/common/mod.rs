//! A coordinator that is served on a free port for one test.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use ai_market_core::coordinator::{Coordinator, CoordinatorBuilder};
use ai_market_core::store::MemoryStore;
use ai_market_http::{HttpClient, RouteOptions, ServeError, Server};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A server that stops when it is dropped.
pub(crate) struct Market {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) coordinator: Coordinator,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    _guard: DropGuard,
}

pub(crate) fn coordinator() -> CoordinatorBuilder {
    Coordinator::builder(MemoryStore::new())
}

impl Market {
    pub(crate) async fn open() -> Self {
        Self::with(coordinator(), RouteOptions::new()).await
    }

    pub(crate) async fn with(coordinator: CoordinatorBuilder, options: RouteOptions) -> Self {
        let coordinator = coordinator.build().unwrap();
        let server = Server::builder(coordinator.clone())
            .address(([127, 0, 0, 1], 0))
            .routes(options)
            .bind()
            .await
            .unwrap();
        let (url, address) = (server.url(), server.local_addr());
        let stop = CancellationToken::new();
        let served = tokio::spawn(server.run(stop.clone()));
        Self {
            url,
            address,
            coordinator,
            served,
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    pub(crate) fn client(&self) -> HttpClient {
        HttpClient::new(&self.url).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.ask(Method::POST, path, &json, Some(body.to_string().into()))
            .await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let client = reqwest_client();
        let mut request = client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let mut response = soon(request.send()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let kind = headers.get("content-type");
        let text = if kind.is_some_and(|kind| kind == "text/event-stream") {
            // It has no end, and begins at once.
            let first = soon(response.chunk()).await.unwrap().unwrap_or_default();
            String::from_utf8(first.to_vec()).unwrap()
        } else {
            soon(response.text()).await.unwrap()
        };
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Answer {
            status,
            headers,
            text,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// Checks that it is an error in the one shape.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str, field: Option<&str>) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        let json = self.json();
        let outer = json.as_object().unwrap();
        assert_eq!(outer.keys().collect::<Vec<_>>(), ["error"], "{self:?}");
        let error = &json["error"];
        assert_eq!(error["code"], code, "{self:?}");
        assert_eq!(
            error.get("field").and_then(Value::as_str),
            field,
            "{self:?}"
        );
        let id = error["request_id"].as_str().unwrap();
        assert_eq!(self.header("x-request-id"), Some(id), "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains('\n'), "{message}");
        for inside in ["ai_market", "poem", "serde", "panicked", ".rs"] {
            assert!(!message.contains(inside), "{message}");
        }
    }
}

/// A plain HTTP client, for what an [`HttpClient`] would not send.
pub(crate) fn reqwest_client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

/// Fails a test that would hang; none takes nearly as long.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("it hangs")
}
