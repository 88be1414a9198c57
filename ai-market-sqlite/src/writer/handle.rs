use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ai_market_core::store::{Step, StoreError};
use ai_market_core::time::SteadyClock;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::error::Error;
use crate::metrics::{Waiting, WriterMetrics};

use super::Session;
use super::group::GroupCommit;
use super::work::Work;

/// The store's side of the queue to the writing thread.
///
/// Dropping it closes the queue, waits until the thread has done what is in it, and joins it.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `session`; at most `queue` steps wait for it, and it does at most
    /// `max_steps` in one transaction.
    pub(crate) fn start(
        session: Session,
        clock: Arc<SteadyClock>,
        queue: usize,
        max_steps: usize,
        metrics: WriterMetrics,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue);
        let group = GroupCommit::new(session, clock, receiver, max_steps, metrics);
        let thread = thread::Builder::new()
            .name("ai-market-write".to_owned())
            .spawn(move || group.run())?;
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

    /// Takes work on for the next transaction; returns whether there was room in the queue.
    pub(super) fn send(&self, work: Work) -> bool {
        let Some(queue) = &self.queue else {
            work.finish(Err(Error::Stopped.into()));
            return true;
        };
        match queue.try_send(work) {
            Ok(()) => true,
            Err(TrySendError::Full(work)) => {
                work.finish(Err(StoreError::Overloaded));
                false
            }
            Err(TrySendError::Closed(work)) => {
                work.finish(Err(Error::Stopped.into()));
                true
            }
        }
    }

    /// Takes a step on for the next transaction; returns whether there was room in the queue.
    pub(crate) fn write(&self, step: Box<dyn Step>) -> bool {
        self.send(Work::Step(step))
    }
}

#[cfg(test)]
impl Writer {
    /// Does `work` on the session itself in the next transaction.
    pub(crate) async fn with_session<T, F>(&self, mut work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session) -> Result<T, Error> + Send + 'static,
    {
        use std::sync::{Mutex, PoisonError};
        let (caller, reply) = tokio::sync::oneshot::channel();
        let outcome = Arc::new(Mutex::new(None));
        let ran = Arc::clone(&outcome);
        self.send(Work::Test(super::work::TestWork {
            run: Box::new(move |session| {
                let done = work(session).map_err(StoreError::from)?;
                *ran.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
                Ok(())
            }),
            finish: Box::new(move |result| {
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                let done = outcome.take();
                let _ = caller.send(result.map(|()| done));
            }),
        }));
        let done = reply.await.unwrap_or_else(|_| Err(Error::Stopped.into()))?;
        done.ok_or_else(|| Error::Panicked.into())
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
