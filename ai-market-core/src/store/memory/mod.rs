//! A store in memory.

mod claim;
mod close;
mod read;
mod standing;
mod state;
mod store;
mod write;

pub use store::MemoryStore;
