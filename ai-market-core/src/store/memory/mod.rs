//! A store in memory.

mod claim;
mod close;
mod events;
mod read;
mod standing;
mod state;
mod store;
mod write;

pub use store::MemoryStore;
