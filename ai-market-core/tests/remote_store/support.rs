//! A database with coordinators on it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::conformance::FnStep;
use ai_market_core::conformance::harness::task_id;
use ai_market_core::conformance::remote::{RemoteDatabase, RemoteStore};
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{
    Claim, Claimed, Insert, InsertOutcome, LeaseScope, Market, Release, SubmitOutcome,
};
use ai_market_core::store::{
    Needs, StoreError, TaskStore, Transaction, TransactionError, Turn, WorkerProfile,
};
use ai_market_core::submission::Vote;
use ai_market_core::task::NewTask;
use ai_market_core::time::{ManualClock, Timestamp};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::oneshot;

pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// The point `seconds` after the start of a test.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

pub(crate) fn new_task(votes: u32) -> NewTask {
    let votes = NonZeroU32::new(votes).unwrap();
    NewTask::new(task_id(0), "a text").with_required_submissions(votes)
}

pub(crate) fn vote(task: TaskId, name: &str, label: &str) -> Vote {
    let label = Label::new(label).unwrap();
    Vote::new(task, worker(name), label, Confidence::new(0.9).unwrap())
}

/// A database and the clock of its server.
pub(crate) fn database() -> (RemoteDatabase, ManualClock) {
    let clock = ManualClock::new(at(0));
    (RemoteDatabase::new(clock.clone()), clock)
}

/// A market on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Coordinator {
    pub(crate) store: Arc<RemoteStore>,
    pub(crate) market: Market,
}

impl Coordinator {
    pub(crate) fn new(store: RemoteStore) -> Self {
        Self::with_policies(store, Policies::default())
    }

    pub(crate) fn with_policies(store: RemoteStore, policies: Policies) -> Self {
        let store = Arc::new(store);
        let market = Market::new(Arc::clone(&store), policies);
        Self { store, market }
    }

    pub(crate) async fn register(&self, names: &[&str]) {
        for name in names {
            let profile = WorkerProfile::new(worker(name), [TaskType::sentiment()]);
            self.market.register(profile).await.unwrap();
        }
    }

    /// Puts in `n` tasks that ask for `votes` each.
    pub(crate) async fn tasks(&self, n: usize, votes: u32) -> Vec<TaskId> {
        let tasks = (0..n).map(|_| new_task(votes)).collect();
        let outcomes = self.market.insert(Insert::new(tasks)).await.unwrap();
        let ids = outcomes.into_iter().map(|outcome| match outcome {
            InsertOutcome::Created(id) => id,
            other => panic!("expected a new task, got {other:?}"),
        });
        ids.collect()
    }

    /// Claims up to `limit` tasks.
    pub(crate) async fn claim(&self, name: &str, limit: usize) -> Vec<TaskId> {
        let claim = Claim::new(worker(name), LEASE).with_limit(limit);
        let claim = claim.with_max_leases(usize::MAX);
        match self.market.claim(claim).await.unwrap() {
            Claimed::Assigned(assignments) => assignments.iter().map(|a| a.task).collect(),
            other => panic!("{name} is not registered: {other:?}"),
        }
    }

    pub(crate) async fn submit(&self, vote: Vote) -> SubmitOutcome {
        let submitted = self.market.submit(vec![vote]).await.unwrap();
        submitted.outcomes.into_iter().next().unwrap()
    }

    /// Claims `limit` tasks and answers all of them.
    pub(crate) async fn answer(&self, name: &str, limit: usize) -> Vec<TaskId> {
        let claimed = self.claim(name, limit).await;
        let votes = claimed.iter().map(|id| vote(*id, name, "positive"));
        let submitted = self.market.submit(votes.collect()).await.unwrap();
        for outcome in submitted.outcomes {
            assert!(matches!(outcome, SubmitOutcome::Accepted(_)), "{outcome:?}");
        }
        claimed
    }

    /// Gives leases back.
    pub(crate) async fn release(&self, name: &str, tasks: &[TaskId]) -> u64 {
        let release = Release::new(worker(name), LeaseScope::Named(tasks.to_vec()));
        self.market.release(release).await.unwrap().released
    }

    /// Runs the steps of these calls as one group.
    pub(crate) async fn as_group<T>(&self, calls: Vec<BoxFuture<'_, T>>) -> Vec<T> {
        let mut all = join_all(calls);
        let hold = self.store.hold();
        assert!((&mut all).now_or_never().is_none(), "the queue is held");
        drop(hold);
        all.await
    }
}

/// Writes a step that runs a function, and returns what it is finished with.
pub(crate) fn write<F>(
    store: &RemoteStore,
    needs: Needs,
    mut run: F,
) -> oneshot::Receiver<Result<(), StoreError>>
where
    F: FnMut(&mut dyn Transaction) -> Result<Turn, TransactionError> + Send + 'static,
{
    let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| {
        let turn = run(tx)?;
        Ok((turn == Turn::Done).then_some(()))
    });
    store.write(Box::new(step.with_needs(needs)));
    result
}

/// A transaction on another thread that has rows locked until it is dropped.
#[derive(Debug)]
pub(crate) struct LockedRows {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LockedRows {
    pub(crate) fn new(store: RemoteStore, needs: Needs) -> Self {
        let (began, has_begun) = channel();
        let (end, ends) = channel::<()>();
        let ends = Mutex::new(ends);
        let thread = thread::spawn(move || {
            let result = write(&store, needs, move |_tx| {
                began.send(()).unwrap();
                // Ends with an error, when the sender is dropped.
                let _ = ends.lock().unwrap().recv();
                Ok(Turn::Done)
            });
            result.blocking_recv().unwrap().unwrap();
        });
        has_begun.recv().unwrap();
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for LockedRows {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Runs a future on a thread with a runtime of its own.
pub(crate) fn on_thread<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    thread::spawn(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.build().unwrap().block_on(future)
    })
}
