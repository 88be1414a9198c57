use std::future::Future;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::step::{StepResult, run_step};
use crate::confidence::Confidence;
use crate::consensus::Policies;
use crate::id::{InstanceId, Label, Reference, Tag, TaskId, TaskType, WorkerId};
use crate::market::{
    Claim, Claimed, Insert, InsertOutcome, LeaseScope, Market, Reap, Reaped, Release, Released,
    Renew, Renewed, SubmitOutcome,
};
use crate::store::{
    LeaderboardQuery, StatsQuery, StoreStats, TaskStore, Transaction, TransactionError,
    WorkerProfile, WorkerSummary,
};
use crate::submission::Vote;
use crate::task::{NewTask, Params, Task, TaskDetails};
use crate::time::{Clock, ManualClock, Timestamp};

/// A store under test with its clock and a market on it; times are seconds from the start of a case.
#[derive(Debug, Clone)]
pub struct Harness {
    /// The store.
    pub store: Arc<dyn TaskStore>,
    /// The clock of the store.
    pub clock: ManualClock,
    /// A market on the store.
    pub market: Market,
}

/// How long a lease lasts in the cases.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// Longer than any pause between two rounds of reaping in the cases that do not test downtime.
const NEVER_SILENT: Duration = Duration::MAX;

/// A clock for a case, which shows a time before every time that the case sets.
#[must_use]
pub fn clock() -> ManualClock {
    ManualClock::new(at(-1_000_000))
}

/// The point `seconds` after the start of a case.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub(super) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

pub(super) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(super) fn task_type(text: &str) -> TaskType {
    TaskType::new(text).unwrap()
}

pub(super) fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// A task put in at `seconds` that asks for `votes`.
pub(super) fn new_task(text: &str, votes: u32, seconds: i64) -> NewTask {
    NewTask::new(task_id(seconds), text).with_required_submissions(number(votes))
}

/// A new id of a task that is created at `seconds`; ids of one time rise.
///
/// [`TaskId::generate`] never goes back within a process, so its ids would have the times of cases
/// that run beside this one.
#[must_use]
pub fn task_id(seconds: i64) -> TaskId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut bytes = *TaskId::lowest_at(at(seconds)).as_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    bytes[12..].copy_from_slice(&next.to_be_bytes());
    TaskId::from_bytes(bytes)
}

pub(super) fn params(json: &str) -> Params {
    json.parse().unwrap()
}

pub(super) fn tags<const N: usize>(names: [&str; N]) -> [Tag; N] {
    names.map(|name| Tag::new(name).unwrap())
}

/// A task with params, a reference and tags.
pub(super) fn described_task(text: &str, votes: u32, seconds: i64) -> NewTask {
    new_task(text, votes, seconds)
        .with_params(params(r#"{"z": [1, 2.5, null], "a": {"\u00e9": "x\ny"}}"#))
        .with_reference(Reference::new("row 7, \"reviews.csv\"").unwrap())
        .with_tags(tags(["zebra", "Ä b", "apple"]))
        .with_salt(*b"sixteen bytes \xff\0")
}

pub(super) fn vote(task: TaskId, name: &str, text: &str, confidence: f64) -> Vote {
    Vote::new(
        task,
        worker(name),
        label(text),
        Confidence::new(confidence).unwrap(),
    )
}

pub(super) fn profile(name: &str) -> WorkerProfile {
    WorkerProfile::new(worker(name), [TaskType::sentiment()])
}

/// Runs each of `callers` on a thread of its own, all at the same time, and returns what they return
/// in order.
pub(super) async fn race<F>(callers: Vec<F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let ready = Arc::new(Barrier::new(callers.len()));
    let results = callers.into_iter().map(|caller| {
        let (done, result) = oneshot::channel();
        let ready = Arc::clone(&ready);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime starts");
            ready.wait();
            // A case that was given up does not need the result.
            let _ = done.send(runtime.block_on(caller));
        };
        let thread = thread::Builder::new().name("caller".to_owned());
        thread.spawn(run).expect("a thread starts");
        result
    });
    // Collected first, since every thread waits for the others.
    let results: Vec<_> = results.collect();
    let results = join_all(results).await.into_iter();
    results
        .map(|result| result.expect("the caller panicked"))
        .collect()
}

impl Harness {
    /// A market on `store` where the majority decides. The store takes its time from `clock`.
    #[must_use]
    pub fn new(store: Arc<dyn TaskStore>, clock: ManualClock) -> Self {
        let market = Market::new(Arc::clone(&store), Policies::default());
        Self {
            store,
            clock,
            market,
        }
    }

    /// A further market on the same store, which decides by `policies`.
    #[must_use]
    pub fn with_policies(&self, policies: Policies) -> Self {
        Self {
            market: Market::new(Arc::clone(&self.store), policies),
            ..self.clone()
        }
    }

    /// The market at the point `seconds` after the start of the case.
    ///
    /// # Panics
    ///
    /// Panics when the clock is later than that: the time of a store never goes back, so a case that
    /// does would test something else than it says.
    pub fn at(&self, seconds: i64) -> &Market {
        let (before, now) = (self.clock.now(), at(seconds));
        assert!(before <= now, "the case goes back to {now} from {before}");
        self.clock.set(now);
        &self.market
    }

    pub(super) async fn put(&self, task: NewTask, seconds: i64) -> TaskId {
        let insert = Insert::new(vec![task]);
        let outcomes = self.at(seconds).insert(insert).await.unwrap();
        match outcomes[..] {
            [InsertOutcome::Created(id)] => id,
            ref other => panic!("expected one new task, got {other:?}"),
        }
    }

    /// Puts in a task that asks for `votes`.
    pub(super) async fn task(&self, votes: u32, seconds: i64) -> TaskId {
        self.put(new_task("a text", votes, seconds), seconds).await
    }

    pub(super) async fn register(&self, names: &[&str], seconds: i64) {
        for name in names {
            self.at(seconds).register(profile(name)).await.unwrap();
        }
    }

    pub(super) async fn register_instance(&self, name: &str, instance: &str, seconds: i64) {
        let instance = InstanceId::new(instance).unwrap();
        let profile = profile(name).with_instance(instance);
        self.at(seconds).register(profile).await.unwrap();
    }

    /// Claims up to `limit` tasks.
    pub(super) async fn claim(&self, name: &str, limit: usize, seconds: i64) -> Vec<TaskId> {
        let claim = Claim::new(worker(name), LEASE).with_limit(limit);
        match self.at(seconds).claim(claim).await.unwrap() {
            Claimed::Assigned(assignments) => assignments.iter().map(|a| a.task).collect(),
            other => panic!("{name} is not registered: {other:?}"),
        }
    }

    pub(super) async fn submit(&self, vote: Vote, seconds: i64) -> SubmitOutcome {
        let submitted = self.at(seconds).submit(vec![vote]).await.unwrap();
        assert_eq!(submitted.outcomes.len(), 1, "one outcome per vote");
        submitted.outcomes.into_iter().next().unwrap()
    }

    /// Claims whatever comes first and answers it.
    pub(super) async fn answer(&self, name: &str, text: &str, seconds: i64) -> SubmitOutcome {
        let claimed = self.claim(name, 1, seconds).await;
        assert_eq!(claimed.len(), 1, "there is a task for {name}");
        self.submit(vote(claimed[0], name, text, 0.9), seconds)
            .await
    }

    pub(super) async fn reap(&self, seconds: i64) -> Reaped {
        let reap = Reap::new(1_000, NEVER_SILENT);
        self.at(seconds).reap(reap).await.unwrap()
    }

    pub(super) async fn renew(&self, name: &str, scope: LeaseScope, seconds: i64) -> Renewed {
        let renew = Renew::new(worker(name), scope, LEASE);
        self.at(seconds).renew(renew).await.unwrap()
    }

    pub(super) async fn give_back(&self, name: &str, tasks: &[TaskId], seconds: i64) -> Released {
        let release = Release::new(worker(name), LeaseScope::Named(tasks.to_vec()));
        self.at(seconds).release(release).await.unwrap()
    }

    pub(super) async fn fail(&self, name: &str, task: TaskId, why: &str, seconds: i64) -> Released {
        let release = Release::new(worker(name), LeaseScope::Named(vec![task])).failed(why);
        self.at(seconds).release(release).await.unwrap()
    }

    /// Runs a closure in one transaction.
    pub(super) async fn run<T, F>(&self, run: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Result<T, TransactionError> + Send + 'static,
    {
        self.try_run(run).await.expect("the step is done")
    }

    /// Runs a closure in one transaction, which may fail.
    pub(super) async fn try_run<T, F>(&self, run: F) -> StepResult<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Result<T, TransactionError> + Send + 'static,
    {
        run_step(&self.store, run).await
    }

    pub(super) async fn details(&self, id: TaskId) -> TaskDetails {
        self.store
            .task(id)
            .await
            .unwrap()
            .expect("the task is known")
    }

    pub(super) async fn get(&self, id: TaskId) -> Task {
        self.details(id).await.task
    }

    /// A registered worker.
    pub(super) async fn worker(&self, name: &str) -> WorkerSummary {
        let known = self.store.worker(worker(name)).await.unwrap();
        known.expect("the worker is registered")
    }

    /// Every place of the leaderboard.
    pub(super) async fn points(&self) -> Vec<(String, i64)> {
        let standings = self
            .store
            .leaderboard(LeaderboardQuery::new(1_000))
            .await
            .unwrap();
        standings
            .iter()
            .map(|s| (s.worker.to_string(), s.points))
            .collect()
    }

    pub(super) async fn stats(&self) -> StoreStats {
        self.store.stats(StatsQuery::new(at(0))).await.unwrap()
    }
}
