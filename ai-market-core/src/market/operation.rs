use std::sync::Arc;

use tokio::sync::oneshot;

use crate::store::{Needs, Step, StoreError, Transaction, TransactionError, Turn};
use crate::time::Timestamp;

use super::handle::Shared;
use super::standing::judge_losses;
use super::{ClaimFrontier, Context, Effects, Report};

/// One operation of the market: what it needs, what it does in a transaction, and what it tells.
pub(super) trait Operation: Send + 'static {
    /// What the caller learns.
    type Outcome: Send + 'static;

    /// The rows that it will look at, as far as they are known.
    fn needs(&self, frontier: &mut ClaimFrontier) -> Needs;

    /// Does it; `None` when it has looked as far as it may in one turn, and has to go on.
    ///
    /// It may be run again from the start, and keeps nothing of an earlier run but hints.
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Self::Outcome>, TransactionError>;

    /// Takes what it learned over into memory, once it is durable.
    fn remember(&mut self, frontier: &mut ClaimFrontier, now: Timestamp) {
        let _ = (frontier, now);
    }

    /// What is told of it once it is durable.
    fn report<'a>(&'a self, outcome: &'a Self::Outcome) -> Report<'a>;
}

/// What came of an operation, before it is told.
struct Ran<T> {
    outcome: T,
    effects: Effects,
    at: Timestamp,
}

/// An operation as a step of a store, with the caller who waits for it.
pub(super) struct Job<O: Operation> {
    operation: O,
    shared: Arc<Shared>,
    ran: Option<Ran<O::Outcome>>,
    caller: oneshot::Sender<Result<(O::Outcome, Effects), StoreError>>,
}

/// What the caller of an operation receives.
pub(super) type Reply<O> = Result<(<O as Operation>::Outcome, Effects), StoreError>;

impl<O: Operation> Job<O> {
    pub(super) fn new(
        operation: O,
        shared: Arc<Shared>,
        caller: oneshot::Sender<Reply<O>>,
    ) -> Self {
        Self {
            operation,
            shared,
            ran: None,
            caller,
        }
    }
}

impl<O: Operation> Job<O> {
    /// What came of the last run, which is finished or undone.
    fn take_ran(&mut self) -> Option<Ran<O::Outcome>> {
        let ran = self.ran.take()?;
        if !ran.effects.opened().is_empty() {
            let mut frontier = self.shared.frontier();
            for (task_type, key) in ran.effects.opened() {
                frontier.no_longer_expect(task_type, *key);
            }
        }
        Some(ran)
    }
}

impl<O: Operation> Step for Job<O> {
    fn needs(&self) -> Needs {
        self.operation.needs(&mut self.shared.frontier())
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        self.take_ran();
        let mut cx = Context::new(tx, &self.shared);
        let outcome = self.operation.run(&mut cx);
        let outcome = outcome.and_then(|outcome| judge_losses(&mut cx).map(|()| outcome));
        if let Some(mut missing) = cx.take_missing() {
            if let Err(TransactionError::Missing(needs)) = outcome {
                missing.merge(*needs);
            }
            return Err(TransactionError::missing(missing));
        }
        let Some(outcome) = outcome? else {
            return Ok(Turn::Again);
        };
        let (at, effects) = (cx.now(), cx.effects);
        if !effects.opened().is_empty() {
            let mut frontier = self.shared.frontier();
            for (task_type, key) in effects.opened() {
                frontier.expect(task_type, *key);
            }
        }
        self.ran = Some(Ran {
            outcome,
            effects,
            at,
        });
        Ok(Turn::Done)
    }

    fn finish(mut self: Box<Self>, result: Result<(), StoreError>) {
        let reply = match (result, self.take_ran()) {
            (Ok(()), Some(ran)) => {
                {
                    let mut frontier = self.shared.frontier();
                    self.operation.remember(&mut frontier, ran.at);
                    for (task_type, key) in ran.effects.opened() {
                        frontier.opened(task_type, *key);
                    }
                    for (task_type, key) in ran.effects.filled() {
                        frontier.filled(task_type, *key);
                    }
                }
                let report = self.operation.report(&ran.outcome);
                self.shared
                    .observer
                    .committed(&report, &ran.effects, ran.at);
                Ok((ran.outcome, ran.effects))
            }
            (Ok(()), None) => Err(StoreError::failed("the store did not run the step")),
            (Err(error), _) => Err(error),
        };
        // A caller that no longer waits does not need the outcome.
        let _ = self.caller.send(reply);
    }
}
