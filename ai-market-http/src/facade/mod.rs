//! The coordinator's routes.

pub(crate) mod access;
mod authenticate;
mod batch_body;
mod batches;
mod body;
mod bounds;
mod dashboard;
mod depth;
mod document;
mod events;
mod failure;
mod guard;
mod insight;
mod keys;
mod me;
mod metrics;
mod operations;
mod options;
mod packed;
mod page;
mod quota;
mod routes;
mod shares;
mod split;
mod streamed;
mod table;
mod tasks;
mod tickets;
mod traced;
mod workers;

pub use options::{RateLimit, RouteOptions};
pub use routes::routes;
