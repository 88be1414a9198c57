use std::fmt;

use ai_market_core::store::StoreError;
use tokio::sync::oneshot;

use crate::error::Error;

use super::Session;

/// How far a job came in one group.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// It is done, with this outcome.
    Done(T),
    /// It has looked as far as it may in one group, and goes on in the next one.
    Again,
}

/// Work for the writer. It is done whether or not its caller still waits.
pub(super) trait Job: Send {
    /// Whether the caller gave up before the job began, so that it need not begin.
    fn is_abandoned(&self) -> bool;

    /// Does the work inside the group's transaction.
    fn run(&mut self, session: &mut Session) -> Result<Step<()>, Error>;

    /// Tells the caller that the transaction was committed.
    fn done(self: Box<Self>);

    /// Tells the caller that nothing was done.
    fn failed(self: Box<Self>, error: Error);
}

/// A closure as a job.
pub(super) struct Closure<T, F> {
    work: F,
    outcome: Option<T>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Closure<T, F> {
    pub(super) fn new(work: F, caller: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self {
            work,
            outcome: None,
            caller,
        }
    }
}

impl<T, F> Job for Closure<T, F>
where
    T: Send,
    F: FnMut(&mut Session) -> Result<Step<T>, Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(&mut self, session: &mut Session) -> Result<Step<()>, Error> {
        Ok(match (self.work)(session)? {
            Step::Done(outcome) => {
                self.outcome = Some(outcome);
                Step::Done(())
            }
            Step::Again => Step::Again,
        })
    }

    fn done(self: Box<Self>) {
        let outcome = self.outcome.ok_or(Error::Panicked);
        // A caller that no longer waits does not need the outcome.
        let _ = self.caller.send(outcome.map_err(StoreError::from));
    }

    fn failed(self: Box<Self>, error: Error) {
        let _ = self.caller.send(Err(error.into()));
    }
}

impl fmt::Debug for dyn Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}
