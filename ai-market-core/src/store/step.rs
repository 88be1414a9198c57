use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Needs, StoreError, Transaction, TransactionError};

/// How far a step came in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is done.
    Done,
    /// It has looked as far as it may at once, and goes on in a later group. What it wrote so far is
    /// committed, and stays also where a later turn fails: a step ends a turn so only when that much
    /// is whole by itself, such as a sign of life.
    Again,
}

/// One atomic change of the market, which a [`TaskStore`](super::TaskStore) runs in a transaction.
///
/// A store
/// - must run it inside a transaction, and may run it any number of times, each time on rows as
///   they are then: what an earlier run wrote was undone, unless it ended with [`Turn::Again`];
/// - must undo what it wrote when [`run`](Self::run) returns an error or panics, and must leave
///   what the other steps of the same transaction wrote;
/// - must call [`finish`](Self::finish) exactly once, whatever happens, and on all steps in the
///   order in which their transactions were committed;
/// - may skip a step that [is abandoned](Self::is_abandoned) before its first run.
pub trait Step: Send {
    /// The rows that the step will look at, as far as they are known beforehand.
    ///
    /// A store on another machine fetches and locks them for a whole group of steps at once, and asks
    /// again before each run. One with its rows at hand never asks.
    fn needs(&self) -> Needs;

    /// Whether the caller gave up, so that a step which has not run yet need not run.
    fn is_abandoned(&self) -> bool;

    /// Looks at rows and changes them.
    ///
    /// # Errors
    ///
    /// Whatever `tx` returns; the step has to be undone then. After
    /// [`Missing`](TransactionError::Missing) a store runs it again once it has fetched those rows.
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError>;

    /// Learns that the step is durable, or that nothing was done.
    ///
    /// The market wakes whoever waits, counts, and answers the caller here. It does not block and
    /// does not call the store, which may hold a lock. Nor does a step own a handle on the store:
    /// dropping the last one waits for the steps that wait.
    fn finish(self: Box<Self>, result: Result<(), StoreError>);
}

impl dyn Step + '_ {
    /// Runs the step, and turns a panic into [`TransactionError::Panicked`].
    ///
    /// # Errors
    ///
    /// Those of [`run`](Step::run).
    pub fn run_caught(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        // OK because the store undoes whatever a panic leaves half done.
        catch_unwind(AssertUnwindSafe(|| self.run(tx))).unwrap_or(Err(TransactionError::Panicked))
    }
}

impl fmt::Debug for dyn Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}
