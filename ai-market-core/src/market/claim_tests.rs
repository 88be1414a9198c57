//! A claim finds what a look through everything would find, whatever the market remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, poll_immediate};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Claim, Claimed, Insert, LeaseScope, Market, Reap, Release};
use crate::confidence::Confidence;
use crate::conformance::policies::Agree;
use crate::consensus::Policies;
use crate::id::{Label, OwnerId, TaskId, TaskType, WorkerId};
use crate::store::{
    EventPage, EventQuery, LeaderboardQuery, MemoryOptions, MemoryStore, ModelQuery, ModelReport,
    Needs, Place, StatsQuery, Step, StoreError, StoreStats, TallyQuery, TallyRow, TaskPage,
    TaskQuery, TaskStore, TaskTypeQuery, TaskTypeSummary, Transaction, TransactionError, Turn,
    WorkerProfile, WorkerQuery, WorkerSummary,
};
use crate::submission::Vote;
use crate::task::{NewTask, TaskDetails};
use crate::time::{ManualClock, Timestamp};

const TYPES: [&str; 2] = ["a", "b"];
const WORKERS: [&str; 3] = ["w0", "w1", "w2"];
const LEASE: Duration = Duration::from_secs(60);

type Queue = Arc<Mutex<Vec<Box<dyn Step>>>>;

/// A store that runs the steps which came since the last time in one transaction, as a store with
/// group commit does, and finishes them afterwards.
#[derive(Debug, Clone)]
struct GroupStore {
    rows: Arc<MemoryStore>,
    queue: Queue,
}

/// Steps that share a transaction.
struct Group {
    steps: Vec<Box<dyn Step>>,
    /// Which of the steps go on in the next group.
    go_on: Vec<bool>,
    fails: bool,
    queue: Queue,
}

impl Step for Group {
    fn needs(&self) -> Needs {
        Needs::new()
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        for step in &mut self.steps {
            let turn = step.run_caught(tx)?;
            self.go_on.push(turn == Turn::Again);
        }
        if self.fails {
            return Err(StoreError::failed("this group fails").into());
        }
        Ok(Turn::Done)
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        for (step, goes_on) in self.steps.into_iter().zip(self.go_on) {
            match &result {
                Ok(()) if goes_on => self.queue.lock().unwrap().push(step),
                Ok(()) => step.finish(Ok(())),
                Err(_) => step.finish(Err(StoreError::failed("its group failed"))),
            }
        }
    }
}

impl GroupStore {
    /// Runs what was queued; the first transaction fails if it is to.
    fn flush(&self, mut fails: bool) {
        loop {
            let steps = std::mem::take(&mut *self.queue.lock().unwrap());
            if steps.is_empty() {
                return;
            }
            self.rows.write(Box::new(Group {
                steps,
                go_on: Vec::new(),
                fails: std::mem::take(&mut fails),
                queue: Arc::clone(&self.queue),
            }));
        }
    }
}

#[async_trait]
impl TaskStore for GroupStore {
    fn write(&self, step: Box<dyn Step>) {
        self.queue.lock().unwrap().push(step);
    }

    fn now(&self) -> Timestamp {
        self.rows.now()
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.rows.task(id).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.rows.tasks(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.rows.worker(id).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.rows.workers(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.rows.leaderboard(query).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.rows.tallies(query).await
    }

    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
        self.rows.models(query).await
    }

    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError> {
        self.rows.task_types(query).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.rows.stats(query).await
    }

    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.rows.events(query).await
    }
}

#[derive(Debug, Clone)]
enum Op {
    /// A task of a type and priority is put in.
    Put(usize, i32),
    /// A worker claims up to so many.
    Claim(usize, usize),
    /// A worker answers the task that it holds at a place.
    Answer(usize, usize, bool),
    /// A worker gives a task back.
    Return(usize, usize),
    /// A worker fails at a task.
    Fail(usize, usize),
    /// A worker registers under another owner, or none.
    Register(usize, Option<u8>),
    /// The leases of a while ago run out.
    Expire,
}

/// Steps that share a transaction, whether it fails, and who claims how many afterwards.
#[derive(Debug, Clone)]
struct Round {
    ops: Vec<Op>,
    fails: bool,
    claimer: usize,
    limit: usize,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let worker = || 0..WORKERS.len();
    let place = any::<usize>;
    let op = prop_oneof![
        4 => (0..TYPES.len(), -1..2_i32).prop_map(|(of, priority)| Op::Put(of, priority)),
        4 => (worker(), 0..5_usize).prop_map(|(of, limit)| Op::Claim(of, limit)),
        4 => (worker(), place(), any::<bool>()).prop_map(|(of, at, x)| Op::Answer(of, at, x)),
        2 => (worker(), place()).prop_map(|(of, at)| Op::Return(of, at)),
        1 => (worker(), place()).prop_map(|(of, at)| Op::Fail(of, at)),
        1 => (worker(), prop::option::of(0..2_u8)).prop_map(|(of, owner)| Op::Register(of, owner)),
        1 => Just(Op::Expire),
    ];
    let round = (
        vec(op, 0..6),
        prop::bool::weighted(0.1),
        worker(),
        0..4_usize,
    );
    let round = round.prop_map(|(ops, fails, claimer, limit)| Round {
        ops,
        fails,
        claimer,
        limit,
    });
    vec(round, 1..40)
}

fn worker(n: usize) -> WorkerId {
    WorkerId::new(WORKERS[n]).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

struct Play {
    store: GroupStore,
    clock: ManualClock,
    market: Market,
    seconds: i64,
    tasks: u64,
}

impl Play {
    /// Worker 0 has answered `prefix` open tasks.
    fn new(prefix: usize) -> Self {
        let clock = ManualClock::new(at(0));
        let rows = MemoryOptions::new().with_clock(clock.clone()).build();
        let store = GroupStore {
            rows: Arc::new(rows),
            queue: Queue::default(),
        };
        let market = Market::new(store.clone(), policies());
        let mut play = Self {
            store,
            clock,
            market,
            seconds: 0,
            tasks: 0,
        };
        for n in 0..WORKERS.len() {
            play.group(vec![play.register(n, None)], false);
        }
        for _ in 0..prefix {
            let put = play.put(0, 0);
            play.group(vec![put], false);
        }
        let claimed = play.claim(0, prefix);
        let market = play.market.clone();
        let votes = claimed
            .into_iter()
            .map(|task| vote(task, 0, true))
            .collect();
        let submit = async move {
            market.submit(votes).await.unwrap();
        };
        play.group(vec![submit.boxed()], false);
        play
    }

    /// Runs steps in one transaction.
    fn group(&self, steps: Vec<BoxFuture<'static, ()>>, fails: bool) {
        let mut steps: Vec<_> = steps.into_iter().map(|step| step.shared()).collect();
        for step in &mut steps {
            // Its step is queued when it is first polled.
            let _ = poll_immediate(&mut *step).now_or_never();
        }
        self.store.flush(fails);
        for step in steps {
            step.now_or_never().expect("its step was run");
        }
    }

    fn put(&mut self, of: usize, priority: i32) -> BoxFuture<'static, ()> {
        self.tasks += 1;
        // Ids rise, as if each was made a millisecond after the one before.
        let made = at(0).plus(Duration::from_millis(self.tasks));
        let mut task = NewTask::new(TaskId::generate(made), "a text")
            .with_task_type(TaskType::new(TYPES[of]).unwrap())
            .with_required_submissions(2.try_into().unwrap())
            .with_max_submissions(4.try_into().unwrap())
            .with_priority(priority);
        task.max_attempts = 9.try_into().unwrap();
        let market = self.market.clone();
        async move {
            let _ = market.insert(Insert::new(vec![task])).await;
        }
        .boxed()
    }

    fn register(&self, n: usize, owner: Option<u8>) -> BoxFuture<'static, ()> {
        let mut profile = WorkerProfile::new(worker(n), TYPES.map(|of| TaskType::new(of).unwrap()));
        profile.owner = owner.map(|owner| OwnerId::new(format!("owner {owner}")).unwrap());
        let market = self.market.clone();
        async move {
            let _ = market.register(profile).await;
        }
        .boxed()
    }

    /// The tasks that a worker holds, oldest first.
    fn held(&self, n: usize) -> Vec<TaskId> {
        let tasks = self.store.tasks(TaskQuery::new(usize::MAX)).now_or_never();
        let tasks = tasks.unwrap().unwrap().tasks.into_iter();
        let held = tasks.filter(|task| {
            let details = self.store.task(task.id).now_or_never().unwrap();
            let leases = details.unwrap().unwrap().leases;
            leases.iter().any(|lease| lease.worker == worker(n))
        });
        held.map(|task| task.id).collect()
    }

    fn pick(&self, n: usize, place: usize) -> Option<TaskId> {
        let held = self.held(n);
        (!held.is_empty()).then(|| held[place % held.len()])
    }

    fn step(&mut self, op: &Op) -> Option<BoxFuture<'static, ()>> {
        let market = self.market.clone();
        Some(match *op {
            Op::Put(of, priority) => self.put(of, priority),
            Op::Claim(n, limit) => async move {
                let _ = market.claim(claim_of(n, limit)).await;
            }
            .boxed(),
            Op::Answer(n, place, x) => {
                let vote = vote(self.pick(n, place)?, n, x);
                async move {
                    let _ = market.submit(vec![vote]).await;
                }
                .boxed()
            }
            Op::Return(n, place) | Op::Fail(n, place) => {
                let task = self.pick(n, place)?;
                let mut release = Release::new(worker(n), LeaseScope::Named(vec![task]));
                if matches!(op, Op::Fail(..)) {
                    release = release.failed("broken");
                }
                async move {
                    let _ = market.release(release).await;
                }
                .boxed()
            }
            Op::Register(n, owner) => self.register(n, owner),
            Op::Expire => {
                self.seconds += 30;
                self.clock.set(at(self.seconds));
                async move {
                    let _ = market.reap(Reap::new(100, Duration::MAX)).await;
                }
                .boxed()
            }
        })
    }

    /// What a worker is given.
    fn claim(&self, n: usize, limit: usize) -> Vec<TaskId> {
        let claim = self.market.claim(claim_of(n, limit));
        let mut claim = claim.boxed();
        let _ = poll_immediate(&mut claim).now_or_never();
        self.store.flush(false);
        tasks(claim.now_or_never().unwrap().unwrap())
    }

    /// What a market that remembers nothing would give a worker; it is given back.
    fn claim_afresh(&self, n: usize, limit: usize) -> Vec<TaskId> {
        let market = Market::new(Arc::clone(&self.store.rows), policies());
        let claimed = market.claim(claim_of(n, limit)).now_or_never().unwrap();
        let claimed = tasks(claimed.unwrap());
        let release = Release::new(worker(n), LeaseScope::Named(claimed.clone()));
        let released = market.release(release).now_or_never().unwrap();
        assert_eq!(released.unwrap().released, claimed.len() as u64);
        claimed
    }
}

fn policies() -> Policies {
    Policies::new(Agree(2))
}

fn claim_of(n: usize, limit: usize) -> Claim {
    let claim = Claim::new(worker(n), LEASE).with_limit(limit);
    claim.with_max_leases(usize::MAX)
}

fn vote(task: TaskId, n: usize, x: bool) -> Vote {
    let label = Label::new(if x { "x" } else { "y" }).unwrap();
    Vote::new(task, worker(n), label, Confidence::ONE)
}

fn tasks(claimed: Claimed) -> Vec<TaskId> {
    match claimed {
        Claimed::Assigned(assigned) => assigned.iter().map(|of| of.task).collect(),
        other => panic!("the worker is registered: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_claim_finds_what_a_market_without_memory_would(
        rounds in rounds(),
        prefix in prop_oneof![4 => Just(0_usize), 1 => Just(300_usize)],
    ) {
        let mut play = Play::new(prefix);
        for (n, round) in rounds.iter().enumerate() {
            let steps = round.ops.iter().filter_map(|op| play.step(op)).collect();
            play.group(steps, round.fails);
            let expected = play.claim_afresh(round.claimer, round.limit);
            let found = play.claim(round.claimer, round.limit);
            prop_assert_eq!(found, expected, "after round {}", n);
        }
    }
}
