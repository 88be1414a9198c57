//! A ready server around the routes.

mod acceptor;
mod builder;
mod connection;
mod error;
mod gate;
mod hosts;
mod limits;
mod metered;
mod peers;
mod pulse;
mod refusals;
mod serve;
mod signal;
mod tls;
mod unread;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use limits::ServerLimits;
pub use serve::Server;
pub use signal::shutdown_signal;
