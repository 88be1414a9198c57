//! The client: a coordinator on another machine, as if it were in process.

mod builder;
mod client_api;
mod error;
mod event_api;
mod http_client;
mod insight_api;
mod reply;
mod sse;
mod worker_api;

pub use builder::HttpClientBuilder;
pub use error::InvalidClient;
pub use http_client::HttpClient;
