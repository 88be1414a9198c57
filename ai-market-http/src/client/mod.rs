//! The client: a coordinator on another machine, as if it were in process.

mod batch;
mod batch_items;
mod batch_route;
mod builder;
mod client_api;
mod error;
mod events;
mod http_client;
mod insight;
mod reply;
mod sse;
mod worker_api;

pub use builder::HttpClientBuilder;
pub use error::InvalidClient;
pub use http_client::HttpClient;
