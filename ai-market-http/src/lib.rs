//! The HTTP face of ai-market.

mod facade;
mod wire;

pub use facade::{RouteOptions, routes};
