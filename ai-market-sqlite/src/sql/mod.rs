//! The statements of the store, and the connection that runs them.

mod bind;
mod connection;
mod statement;
pub(crate) mod statements;

pub(crate) use bind::Binds;
pub(crate) use connection::Connection;
pub(crate) use statement::{Bound, Statement};
