//! The HTTP face of ai-market.

mod client;
mod facade;
mod server;
mod wire;

pub use client::{HttpClient, HttpClientBuilder, InvalidClient};
pub use facade::{RouteOptions, routes};
pub use server::{ServeError, Server, ServerBuilder, shutdown_signal};
