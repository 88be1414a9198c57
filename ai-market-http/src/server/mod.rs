//! A ready server around the routes.

mod acceptor;
mod builder;
mod connection;
mod error;
mod gate;
mod hosts;
mod metered;
mod peers;
mod pulse;
mod serve;
mod signal;
mod tls;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use serve::Server;
pub use signal::shutdown_signal;
