use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ai_market_core::store::{StoreError, TransactionError, Turn};
use ai_market_core::time::{Clock, SteadyClock};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::metrics::WriterMetrics;
use crate::sql::statements::{
    Begin, Commit, ReleaseSavepoint, Rollback, RollbackToSavepoint, Savepoint,
};

use super::session::Session;
use super::work::Work;

/// How many steps that go on from an earlier group one group has at most: each may look at some
/// thousand rows, after which everybody else's work goes first.
const MAX_AGAIN: usize = 4;

/// How many steps may wait to go on; beyond that they are turned away.
const MAX_UNFINISHED: usize = 1_024;

/// The writer's side of the queue: takes the waiting steps and does them group by group.
#[derive(Debug)]
pub(super) struct GroupCommit {
    session: Session,
    clock: Arc<SteadyClock>,
    queue: mpsc::Receiver<Work>,
    /// Steps that go on in a later group. They wait outside the queue, so the queue's bound does not
    /// hold them back.
    unfinished: VecDeque<Work>,
    max_steps: usize,
    metrics: WriterMetrics,
}

/// What a group has run so far.
#[derive(Debug, Default)]
struct Ran {
    /// Steps that are done, in order.
    done: Vec<Work>,
    /// Steps that go on in a later group.
    again: Vec<Work>,
}

impl GroupCommit {
    pub(super) const fn new(
        session: Session,
        clock: Arc<SteadyClock>,
        queue: mpsc::Receiver<Work>,
        max_steps: usize,
        metrics: WriterMetrics,
    ) -> Self {
        Self {
            session,
            clock,
            queue,
            unfinished: VecDeque::new(),
            max_steps,
            metrics,
        }
    }

    /// Works until every sender is gone and the queue is empty, then checkpoints the log.
    pub(super) fn run(mut self) {
        while let Some((fresh, again)) = self.next_group() {
            self.commit(fresh, again);
        }
        // No `PRAGMA optimize`: its statistics would make SQLite look at bound values when it plans,
        // and plan every statement anew for every value. The plans need no statistics.
        let close = "PRAGMA wal_checkpoint(TRUNCATE);";
        if let Err(error) = self.session.db.script(close) {
            // The log is read again when the database is opened, so nothing is lost.
            tracing::debug!(%error, "the log was not checkpointed");
        }
    }

    /// What waits now, and at least one step: those that are new, and those that go on; `None` when
    /// no more can come.
    fn next_group(&mut self) -> Option<(Vec<Work>, Vec<Work>)> {
        let mut fresh = Vec::new();
        if self.unfinished.is_empty() {
            fresh.push(self.queue.blocking_recv()?);
        }
        while fresh.len() < self.max_steps
            && let Ok(work) = self.queue.try_recv()
        {
            fresh.push(work);
        }
        let again = self.unfinished.len().min(MAX_AGAIN);
        Some((fresh, self.unfinished.drain(..again).collect()))
    }

    /// Does a group in one transaction and tells every step what became of it.
    fn commit(&mut self, fresh: Vec<Work>, again: Vec<Work>) {
        let mut waiting = Vec::with_capacity(fresh.len() + again.len());
        for work in fresh {
            if work.is_abandoned() {
                work.finish(Err(Error::Abandoned.into()));
            } else {
                waiting.push(work);
            }
        }
        // Last, since new steps have a claim to be served before those that look far.
        waiting.extend(again);
        let mut waiting = waiting.into_iter();
        let mut ran = Ran::default();
        self.session.begin(self.clock.now());
        let begin = Instant::now();
        match self.transaction(&mut waiting, &mut ran) {
            Ok(commit) => {
                let steps = ran.done.len();
                self.metrics.committed(steps, begin.elapsed(), commit);
                self.session.committed();
                for work in ran.done {
                    work.finish(Ok(()));
                }
                for work in ran.again {
                    if self.unfinished.len() < MAX_UNFINISHED {
                        self.unfinished.push_back(work);
                    } else {
                        work.finish(Err(StoreError::Overloaded));
                    }
                }
            }
            Err(error) => {
                // SQLite has ended the transaction itself, or this ends it; a failure means that
                // there is none.
                let _ = self.session.db.execute::<Rollback>(());
                self.session.forget();
                self.metrics.group_failed();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a group of writes was rolled back"
                );
                let error = Arc::new(error);
                for work in ran.done.into_iter().chain(ran.again).chain(waiting) {
                    work.finish(Err(Error::GroupFailed(Arc::clone(&error)).into()));
                }
            }
        }
    }

    /// Does the waiting steps, and says how long the commit took.
    fn transaction(
        &mut self,
        waiting: &mut impl Iterator<Item = Work>,
        ran: &mut Ran,
    ) -> Result<Duration, Error> {
        self.session.db.execute::<Begin>(())?;
        for mut work in waiting {
            match self.savepoint(&mut work) {
                Ok(Ok(Turn::Done)) => ran.done.push(work),
                Ok(Ok(Turn::Again)) => ran.again.push(work),
                Ok(Err(error)) => {
                    self.metrics.step_failed();
                    work.finish(Err(error.into()));
                }
                Err(error) => {
                    // It fails with the group.
                    ran.done.push(work);
                    return Err(error);
                }
            }
        }
        self.session.write_pending()?;
        let begin = Instant::now();
        self.session.db.execute::<Commit>(())?;
        Ok(begin.elapsed())
    }

    /// Does one step in a savepoint. The inner error is the step's alone, the outer one means that
    /// the transaction is gone.
    fn savepoint(&mut self, work: &mut Work) -> Result<Result<Turn, TransactionError>, Error> {
        let session = &mut self.session;
        session.db.execute::<Savepoint>(())?;
        match work.run(session) {
            Ok(turn) => {
                session.db.execute::<ReleaseSavepoint>(())?;
                session.accept();
                Ok(Ok(turn))
            }
            Err(error) => {
                session.discard();
                // After a full disk, an I/O error or lack of memory SQLite may have rolled back the
                // whole transaction. Then there is no savepoint to go back to, and what the step
                // failed of is what the group fails of.
                if session.db.execute::<RollbackToSavepoint>(()).is_err() {
                    return Err(Error::Step(error));
                }
                session.db.execute::<ReleaseSavepoint>(())?;
                Ok(Err(error))
            }
        }
    }
}
