//! A fake of a store on another machine, to test what such a store asks of the market.

mod claim_ranges;
mod database;
mod fetched;
mod group;
mod locks;
mod server;
mod store;
mod transaction;

pub use database::RemoteDatabase;
pub use store::{QueueHold, RemoteStore};
