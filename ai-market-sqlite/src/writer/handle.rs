use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ai_market_core::store::StoreError;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::metrics::{Waiting, WriterMetrics};

use super::group::GroupCommit;
use super::job::{Closure, Job};
use super::{Session, Step};

/// The store's side of the queue to the writing thread.
///
/// Dropping it closes the queue, waits until the thread has done what is in it, and joins it.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `session`; at most `queue` jobs wait for it, and it does at most
    /// `max_jobs` in one transaction.
    pub(crate) fn start(
        session: Session,
        queue: usize,
        max_jobs: usize,
        metrics: WriterMetrics,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue);
        let thread = thread::Builder::new()
            .name("ai-market-write".to_owned())
            .spawn(move || GroupCommit::new(session, receiver, max_jobs, metrics).run())?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
        })
    }

    /// How many wait in the queue; telling it does not keep the queue open.
    pub(crate) fn waiting(&self) -> Waiting {
        let queue = self.queue.as_ref().map(mpsc::Sender::downgrade);
        Arc::new(move || {
            let queue = queue.as_ref().and_then(mpsc::WeakSender::upgrade);
            queue.map_or(0, |queue| queue.max_capacity() - queue.capacity())
        })
    }

    /// Does `work` in the next transaction, and returns its outcome once that is durable.
    ///
    /// The job is in the queue when this is first polled. Dropping the future before the job began
    /// cancels it, dropping it later only loses the outcome.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session) -> Result<Step<T>, Error> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        let (caller, outcome) = oneshot::channel();
        match queue.try_send(Box::new(Closure::new(work, caller))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(StoreError::Overloaded),
            Err(TrySendError::Closed(_)) => return Err(Error::Stopped.into()),
        }
        outcome.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writing thread panicked");
        }
    }
}
