//! The coordinator's routes.

mod body;
mod failure;
mod guard;
mod metrics;
mod operations;
mod options;
mod page;
mod routes;
mod table;
mod tasks;
mod workers;

pub use options::RouteOptions;
pub use routes::routes;
