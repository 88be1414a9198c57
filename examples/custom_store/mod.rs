//! A store of one's own, on a journal.

mod journal;
mod store;

pub(crate) use store::JournalStore;
