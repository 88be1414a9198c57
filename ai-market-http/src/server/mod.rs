//! A ready server around the routes.

mod acceptor;
mod builder;
mod error;
mod serve;
mod signal;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use serve::Server;
pub use signal::shutdown_signal;
