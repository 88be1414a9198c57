use std::panic::{AssertUnwindSafe, catch_unwind};

use ai_market_core::store::{Step, StoreError, TransactionError, Turn};

use super::Session;

/// What waits for the writer.
#[derive(Debug)]
pub(super) enum Work {
    /// A step of the market.
    Step(Box<dyn Step>),
    /// A test that reaches behind the rows.
    #[cfg(test)]
    Test(TestWork),
}

/// What a test does with the session.
#[cfg(test)]
type Run = Box<dyn FnMut(&mut Session) -> Result<(), TransactionError> + Send>;

/// Work of a test with the session, and what is told of it.
#[cfg(test)]
pub(super) struct TestWork {
    pub(super) run: Run,
    pub(super) finish: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

#[cfg(test)]
impl std::fmt::Debug for TestWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestWork").finish_non_exhaustive()
    }
}

impl Work {
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Step(step) => step.is_abandoned(),
            #[cfg(test)]
            Self::Test(_) => false,
        }
    }

    pub(super) fn run(&mut self, session: &mut Session) -> Result<Turn, TransactionError> {
        match self {
            Self::Step(step) => step.run_caught(session),
            #[cfg(test)]
            Self::Test(work) => {
                let ran = catch_unwind(AssertUnwindSafe(|| (work.run)(session)));
                ran.unwrap_or(Err(TransactionError::Panicked))?;
                Ok(Turn::Done)
            }
        }
    }

    /// Tells the step what became of it.
    pub(super) fn finish(self, result: Result<(), StoreError>) {
        // OK because the step is gone either way, and the others of its group are still to be told.
        let told = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Step(step) => step.finish(result),
            #[cfg(test)]
            Self::Test(work) => (work.finish)(result),
        }));
        if told.is_err() {
            tracing::error!("a step panicked when it learned what became of it");
        }
    }
}
