use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use ai_market_core::store::StoreError;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::metrics::Waiting;
use crate::sql::Connection;
use crate::sql::Statement;
use crate::sql::statements::{Begin, BeginRead, Commit, Rollback};

/// Work for one of the threads.
struct Question(Box<dyn FnOnce(&mut Connection) + Send>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

/// Threads with a connection each, so that nothing that waits for a disk or a lock holds up an async
/// runtime, nor what goes through other threads.
///
/// They are threads of their own and not the runtime's blocking pool, so that a connection stays
/// with its thread, with its statements prepared and its pages cached, and reads need no runtime of
/// a certain kind.
#[derive(Debug)]
pub(crate) struct Threads {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts a thread on each connection, named after `name`; at most `queue` questions wait for
    /// them.
    pub(crate) fn start(
        name: &str,
        connections: Vec<Connection>,
        queue: usize,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Question>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut started = Self {
            queue: Some(sender),
            threads: Vec::with_capacity(connections.len()),
        };
        for (n, mut db) in connections.into_iter().enumerate() {
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new()
                .name(format!("{name}-{n}"))
                .spawn(move || {
                    // One idle thread waits for a question, the others for their turn to wait.
                    let next = || {
                        let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
                        receiver.blocking_recv()
                    };
                    while let Some(Question(ask)) = next() {
                        ask(&mut db);
                    }
                })?;
            started.threads.push(thread);
        }
        Ok(started)
    }

    /// How many wait in the queue; telling it does not keep the queue open.
    pub(crate) fn waiting(&self) -> Waiting {
        let queue = self.queue.as_ref().map(mpsc::Sender::downgrade);
        Arc::new(move || {
            let queue = queue.as_ref().and_then(mpsc::WeakSender::upgrade);
            queue.map_or(0, |queue| queue.max_capacity() - queue.capacity())
        })
    }

    /// Asks in one snapshot of the database.
    ///
    /// Dropping the future before a thread has come to the question takes it back.
    pub(crate) async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        self.ask::<BeginRead, T>(question).await
    }

    /// Does a step in a transaction of its own, and returns its outcome once that is durable.
    ///
    /// Dropping the future before a thread has come to the step takes it back; dropping it later
    /// lets the step finish.
    pub(crate) async fn write<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        self.ask::<Begin, T>(step).await
    }

    async fn ask<B: Statement, T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        let (caller, answer) = oneshot::channel();
        let question = Question(Box::new(move |db| {
            if !caller.is_closed() {
                // A caller that no longer waits does not need the answer.
                let _ = caller.send(transaction::<B, T>(db, question).map_err(StoreError::from));
            }
        }));
        match queue.try_send(question) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(StoreError::Overloaded),
            Err(TrySendError::Closed(_)) => return Err(Error::Stopped.into()),
        }
        answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
    }
}

/// Answers a question in a transaction that `B` begins, so from one state of the database.
fn transaction<B: Statement, T>(
    db: &mut Connection,
    question: impl FnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    db.execute::<B>(())?;
    // OK because a thread keeps nothing from one question to the next but its connection, whose
    // transaction ends here.
    let answer = catch_unwind(AssertUnwindSafe(|| question(db)));
    let answer = answer.unwrap_or(Err(Error::Panicked)).and_then(|answer| {
        db.execute::<Commit>(())?;
        Ok(answer)
    });
    if answer.is_err() {
        // A failure means that SQLite has ended the transaction itself.
        let _ = db.execute::<Rollback>(());
    }
    answer
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the database panicked");
            }
        }
    }
}
