use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::metrics::WriterMetrics;
use crate::sql::statements::{
    Begin, Commit, ReleaseSavepoint, Rollback, RollbackToSavepoint, Savepoint,
};

use super::job::{Job, Step};
use super::session::Session;

/// How many claimable tasks may be looked at in one group beside each claim's first few: some
/// milliseconds of looking, after which everybody else's work goes first.
const LOOK_BUDGET: usize = 8_192;

/// How many claims may be looking far at a time; the cursors of those that are turned away stay
/// where they came to.
const MAX_UNFINISHED: usize = 1_024;

/// The writer's side of the queue: takes the waiting jobs and does them group by group.
#[derive(Debug)]
pub(super) struct GroupCommit {
    session: Session,
    queue: mpsc::Receiver<Box<dyn Job>>,
    /// Claims that go on in the next group.
    unfinished: VecDeque<Box<dyn Job>>,
    max_jobs: usize,
    metrics: WriterMetrics,
}

impl GroupCommit {
    pub(super) fn new(
        session: Session,
        queue: mpsc::Receiver<Box<dyn Job>>,
        max_jobs: usize,
        metrics: WriterMetrics,
    ) -> Self {
        Self {
            session,
            queue,
            unfinished: VecDeque::new(),
            max_jobs,
            metrics,
        }
    }

    /// Works until every sender is gone and the queue is empty, then checkpoints the log.
    pub(super) fn run(mut self) {
        while let Some(jobs) = self.next_group() {
            self.commit(jobs);
        }
        // No `PRAGMA optimize`: its statistics would make SQLite look at bound values when it plans,
        // and plan every statement anew for every value. The plans need no statistics.
        let close = "PRAGMA wal_checkpoint(TRUNCATE);";
        if let Err(error) = self.session.db.script(close) {
            // The log is read again when the database is opened, so nothing is lost.
            tracing::debug!(%error, "the log was not checkpointed");
        }
    }

    /// What waits now, and at least one job; `None` when no more can come.
    fn next_group(&mut self) -> Option<Vec<Box<dyn Job>>> {
        let mut jobs = Vec::new();
        if self.unfinished.is_empty() {
            jobs.push(self.queue.blocking_recv()?);
        }
        while jobs.len() < self.max_jobs
            && let Ok(job) = self.queue.try_recv()
        {
            jobs.push(job);
        }
        // Last, since new jobs have a claim to be served before the one that looks far goes on.
        jobs.extend(self.unfinished.drain(..));
        Some(jobs)
    }

    /// Does `jobs` in one transaction and tells every caller what became of its job.
    fn commit(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut jobs = jobs.into_iter();
        let mut done = Vec::with_capacity(jobs.len());
        self.session.look_budget = LOOK_BUDGET;
        let begin = Instant::now();
        let result = self.transaction(&mut jobs, &mut done);
        match result {
            Ok(commit) => {
                self.metrics.committed(done.len(), begin.elapsed(), commit);
                self.session.committed();
                for job in done {
                    job.done();
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
                for job in done.into_iter().chain(jobs) {
                    job.failed(Error::GroupFailed(Arc::clone(&error)));
                }
            }
        }
    }

    /// Does `jobs`, and says how long the commit took.
    fn transaction(
        &mut self,
        jobs: &mut impl Iterator<Item = Box<dyn Job>>,
        done: &mut Vec<Box<dyn Job>>,
    ) -> Result<Duration, Error> {
        self.session.db.execute::<Begin>(())?;
        for mut job in jobs {
            if job.is_abandoned() {
                continue;
            }
            match self.savepoint(job.as_mut()) {
                Ok(Ok(Step::Done(()))) => done.push(job),
                // They wait outside the queue, so the queue's bound does not hold them back.
                Ok(Ok(Step::Again)) if self.unfinished.len() >= MAX_UNFINISHED => {
                    job.failed(Error::Overloaded);
                }
                Ok(Ok(Step::Again)) => self.unfinished.push_back(job),
                Ok(Err(error)) => {
                    self.metrics.step_failed();
                    job.failed(error);
                }
                Err(error) => {
                    // It fails with the group.
                    done.push(job);
                    return Err(error);
                }
            }
        }
        self.session.write_pending()?;
        let begin = Instant::now();
        self.session.db.execute::<Commit>(())?;
        Ok(begin.elapsed())
    }

    /// Does one job in a savepoint. The inner error is the job's alone, the outer one means that
    /// the transaction is gone.
    fn savepoint(&mut self, job: &mut dyn Job) -> Result<Result<Step<()>, Error>, Error> {
        let session = &mut self.session;
        session.db.execute::<Savepoint>(())?;
        // OK because what a panic may leave half done is rolled back and forgotten like any error.
        let result = catch_unwind(AssertUnwindSafe(|| job.run(session)));
        let result = result.unwrap_or(Err(Error::Panicked));
        match result {
            Ok(step) => {
                session.db.execute::<ReleaseSavepoint>(())?;
                session.accept();
                Ok(Ok(step))
            }
            Err(error) => {
                session.discard();
                // After a full disk, an I/O error or lack of memory SQLite may have rolled back the
                // whole transaction. Then there is no savepoint to go back to, and what the job
                // failed of is what the group fails of.
                if session.db.execute::<RollbackToSavepoint>(()).is_err() {
                    return Err(error);
                }
                session.db.execute::<ReleaseSavepoint>(())?;
                Ok(Err(error))
            }
        }
    }
}
