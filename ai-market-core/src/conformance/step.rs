use tokio::sync::oneshot;

use crate::store::{Needs, Step, StoreError, TaskStore, Transaction, TransactionError, Turn};

/// What became of a step: its value once it is durable.
pub type StepResult<T> = Result<T, StoreError>;

/// A [`Step`] that runs a closure.
///
/// The closure returns its value, or `None` to go on in another turn.
#[derive(Debug)]
pub struct FnStep<T, F> {
    run: F,
    needs: Needs,
    value: Option<T>,
    caller: oneshot::Sender<StepResult<T>>,
}

impl<T, F> FnStep<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Transaction) -> Result<Option<T>, TransactionError> + Send + 'static,
{
    /// A step that runs `run` and may look at every row, and the receiver of its result.
    ///
    /// The step [is abandoned](Step::is_abandoned) once the receiver is dropped.
    #[must_use]
    pub fn new(run: F) -> (Self, oneshot::Receiver<StepResult<T>>) {
        let (caller, result) = oneshot::channel();
        let step = Self {
            run,
            needs: Needs::new().with_everything(),
            value: None,
            caller,
        };
        (step, result)
    }

    /// Sets which rows the step will look at.
    #[must_use]
    pub fn with_needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }
}

impl<T, F> Step for FnStep<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Transaction) -> Result<Option<T>, TransactionError> + Send + 'static,
{
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        self.value = (self.run)(tx)?;
        Ok(match self.value {
            Some(_) => Turn::Done,
            None => Turn::Again,
        })
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        let value = self.value;
        let result = result.and_then(|()| {
            value.ok_or_else(|| StoreError::failed("the store did not run the step"))
        });
        // A caller that no longer waits does not need the result.
        let _ = self.caller.send(result);
    }
}

/// Runs a closure in one transaction of `store`.
///
/// # Errors
///
/// What the closure returned, or what the store finished the step with.
pub async fn run_step<T, F>(store: &dyn TaskStore, mut run: F) -> StepResult<T>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Transaction) -> Result<T, TransactionError> + Send + 'static,
{
    let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| run(tx).map(Some));
    store.write(Box::new(step));
    result
        .await
        .unwrap_or_else(|_| Err(StoreError::unavailable("the store dropped the step")))
}
