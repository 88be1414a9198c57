use std::collections::{BTreeMap, BTreeSet};

use crate::id::{IdempotencyKey, TaskId, WorkerId};

/// A row that a transaction locks, whether or not it exists yet.
///
/// A row that others add to, such as a counter, is never locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    /// When the market was looked after.
    Service,
    Worker(WorkerId),
    Name(IdempotencyKey),
    /// A task with its votes, leases and losses.
    Task(TaskId),
}

/// Identifies an open transaction.
pub(super) type TransactionNumber = u64;

/// The row locks of all open transactions.
#[derive(Debug, Default)]
pub(super) struct Locks {
    rows: BTreeMap<Row, TransactionNumber>,
    open: BTreeSet<TransactionNumber>,
    /// Whether one open transaction has every row locked.
    exclusive: bool,
}

impl Locks {
    /// Whether an open transaction has the row locked.
    pub(super) fn is_locked(&self, row: &Row) -> bool {
        self.exclusive || self.rows.contains_key(row)
    }

    /// Whether another transaction may begin; one that needs every row begins alone.
    pub(super) fn admits(&self, exclusive: bool) -> bool {
        !self.exclusive && (!exclusive || self.open.is_empty())
    }

    /// Locks the rows for a transaction that begins, or every row.
    pub(super) fn lock(
        &mut self,
        number: TransactionNumber,
        rows: impl IntoIterator<Item = Row>,
        exclusive: bool,
    ) {
        self.open.insert(number);
        self.exclusive = exclusive;
        self.rows.extend(rows.into_iter().map(|row| (row, number)));
    }

    /// Unlocks what a transaction had locked.
    pub(super) fn release(&mut self, number: TransactionNumber) {
        if self.open.remove(&number) {
            self.exclusive = false;
            self.rows.retain(|_, by| *by != number);
        }
    }
}
