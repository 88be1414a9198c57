//! Rows of the log of events.
//!
//! A row holds events one after the other: a byte for the kind, the time, and the fields in the order
//! in which the type has them. Numbers are written in seven bits a byte, least significant first
//! (LEB128), and signed ones zigzag; times as the difference from the time before, so that most take
//! one byte or two. A name is written once in a row, and then by its number. The first byte of a row
//! is the version of all that.

mod pack;
mod unpack;

pub(crate) use pack::pack;
pub(crate) use unpack::unpack;

/// The version of the format.
const VERSION: u8 = 1;

/// The kinds of events, as rows number them for ever.
mod kind {
    pub(super) const TASK_CREATED: u8 = 1;
    pub(super) const TASK_LEASED: u8 = 2;
    pub(super) const TASK_ANSWERED: u8 = 3;
    pub(super) const TASK_FINALIZED: u8 = 4;
    pub(super) const TASK_FAILED: u8 = 5;
    pub(super) const TASK_REQUEUED: u8 = 6;
    pub(super) const WORKER_REGISTERED: u8 = 7;
    pub(super) const WORKER_STALE: u8 = 8;
    pub(super) const WORKER_GONE: u8 = 9;
    pub(super) const WORKER_RETURNED: u8 = 10;
    pub(super) const WORKER_SUSPENDED: u8 = 11;
    pub(super) const WORKER_PROBATION: u8 = 12;
    pub(super) const WORKER_REINSTATED: u8 = 13;
    pub(super) const MARKET_RESET: u8 = 14;
    pub(super) const TASK_CANCELLED: u8 = 15;
}

#[cfg(test)]
mod tests;
