//! A market of AI inference over HTTP: a façade that serves a
//! [`Coordinator`](ai_market_core::coordinator::Coordinator) as JSON routes, and a client that makes
//! a coordinator on another machine look like one in process.
//!
//! # Example
//!
//! A coordinator on a free port, and a client that asks it:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ai_market_core::api::{ClientApi, TaskSpec};
//! use ai_market_core::coordinator::Coordinator;
//! use ai_market_core::store::MemoryStore;
//! use ai_market_http::{HttpClient, Server};
//! use tokio_util::sync::CancellationToken;
//!
//! let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
//! let server = Server::builder(coordinator)
//!     .address(([127, 0, 0, 1], 0))
//!     .bind()
//!     .await?;
//! let url = server.url();
//! let stop = CancellationToken::new();
//! let serving = tokio::spawn(server.run(stop.clone()));
//!
//! let client = HttpClient::new(url)?;
//! client.enqueue(vec![TaskSpec::new("What a day!")]).await.remove(0)?;
//! assert_eq!(client.stats().await?.tasks_total(), 1);
//!
//! stop.cancel();
//! serving.await??;
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! - [`Server`] listens, serves the routes, does the coordinator's maintenance and stops in good
//!   order; [`shutdown_signal`] tells it when. It keeps to this machine unless it is told otherwise.
//! - [`routes()`] are the routes alone, to be nested into a [poem] application; [`RouteOptions`] say
//!   what they allow and how much they take.
//! - [`HttpClient`] implements [`WorkerApi`](ai_market_core::api::WorkerApi) and
//!   [`ClientApi`](ai_market_core::api::ClientApi), so a worker or a client runs on it as on a
//!   coordinator in process. It sends many tasks, or votes, in one request.
//!
//! The routes are listed in the crate's README, and described by `/openapi.json` and `/docs` of a
//! running server. Every error, whatever its cause, is
//! `{"error": {"code": "...", "message": "...", "field": "..."}}`; the codes are those of
//! [`ErrorCode`](ai_market_core::api::ErrorCode).

mod client;
mod facade;
mod request_id;
mod server;
mod wire;

pub use client::{HttpClient, HttpClientBuilder, InvalidClient};
pub use facade::{RateLimit, RouteOptions, routes};
pub use server::{ServeError, Server, ServerBuilder, ServerLimits, shutdown_signal};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
