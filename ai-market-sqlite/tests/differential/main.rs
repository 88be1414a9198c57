//! Whatever is done to it, the store answers as the store in memory does, and shows the same.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ops;
mod policies;

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::event::EventId;
use ai_market_core::id::{IdempotencyKey, InstanceId, Label, OwnerId, TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    Claim, EventQuery, Insert, LeaderboardQuery, LeaseScope, MarketStore, MemoryStore, Reap,
    Release, Renew, Ruling, ServingQuery, StandingChange, StatsQuery, TallyBy, TallyQuery,
    TaskOrder, TaskQuery, WorkerModel, WorkerProfile, WorkerQuery,
};
use ai_market_core::submission::{ModelIdentity, Scores, Vote};
use ai_market_core::task::{NewTask, TaskStatus};
use ai_market_core::time::Timestamp;
use ai_market_sqlite::SqliteStore;
use ops::{Op, TaskShape, ops};
use policies::policies;
use proptest::prelude::*;

const WORKERS: u8 = 5;
const TASKS: u8 = 12;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// Ids whose order is not the order in which tasks are put in.
fn task(n: u8) -> TaskId {
    let mut bytes = [0x70; 16];
    bytes[0] = n.wrapping_mul(5) % TASKS;
    bytes[15] = n;
    TaskId::from_bytes(bytes)
}

fn worker(n: u8) -> WorkerId {
    // Not in the order of their numbers.
    WorkerId::new(["mia", "Zoë", "bob", "alice's box", "7"][usize::from(n)]).unwrap()
}

fn task_type(n: u8) -> TaskType {
    TaskType::new(["sentiment", "ner"][usize::from(n)]).unwrap()
}

fn instance(n: u8) -> InstanceId {
    InstanceId::new(format!("run-{n}")).unwrap()
}

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn model() -> ModelIdentity {
    let model = ModelIdentity::new("distilbert").unwrap();
    model.with_precision("int8").unwrap()
}

fn vote(task: TaskId, worker: WorkerId, label: u8, kind: u8) -> Vote {
    let label = Label::new(["positive", "Negative.", "negative"][usize::from(label)]).unwrap();
    // Numbers that only come back right when every digit is kept.
    let confidence = Confidence::saturating(0.1 + 0.2 * f64::from(kind) + 1e-17);
    let vote = Vote::new(task, worker, label.clone(), confidence).with_truncated(kind == 1);
    match kind {
        2 => vote.with_model(model()),
        3 => {
            let scores = [(label, Confidence::saturating(1.0 / 3.0))];
            vote.with_scores(Scores::new(scores.into_iter().collect()).unwrap())
        }
        _ => vote,
    }
}

fn new_task((n, shape): &(u8, TaskShape), now: i64) -> NewTask {
    let mut new = NewTask::new(task(*n), format!("text {}", n % 4))
        .with_task_type(task_type(shape.task_type))
        .with_required_submissions(number(shape.required))
        .with_wanted(number(shape.wanted))
        .with_max_submissions(number(shape.max))
        .with_max_attempts(number(shape.attempts))
        .with_priority(shape.priority);
    new.distinct_models = shape.distinct;
    new.deadline = shape.deadline.map(|seconds| at(now + seconds));
    new.idempotency_key = shape
        .key
        .map(|key| IdempotencyKey::new(format!("key {key}")).unwrap());
    new
}

fn scope(tasks: &Option<Vec<u8>>) -> LeaseScope {
    match tasks {
        Some(tasks) => LeaseScope::Named(tasks.iter().map(|n| task(*n)).collect()),
        None => LeaseScope::AllOf,
    }
}

/// Does a step and says all that came of it.
async fn apply(store: &dyn MarketStore, op: &Op, now: i64) -> String {
    let time = at(now);
    let seconds = Duration::from_secs;
    match op {
        Op::Insert(tasks, max_open) => {
            let tasks = tasks.iter().map(|task| new_task(task, now)).collect();
            let insert = Insert::new(tasks, time).with_max_open(*max_open);
            format!("{:?}", store.insert(insert).await.unwrap())
        }
        Op::Register {
            worker: n,
            owner,
            instance: run,
            types,
            model: named,
            ner,
        } => {
            let types = (0..2).filter(|n| types & (1 << n) != 0).map(task_type);
            let mut profile = WorkerProfile::new(worker(*n), types);
            profile.owner = owner.map(|n| OwnerId::new(format!("owner {n}")).unwrap());
            profile.instance = run.map(instance);
            profile.model = named.then(|| model().into());
            if *ner {
                let label = Label::new("two\nlines").unwrap();
                let ner = ModelIdentity::new("ner").unwrap();
                let ner = WorkerModel::new(ner).with_labels(vec![label]);
                profile = profile.with_model_for(task_type(1), ner);
            }
            format!("{:?}", store.register(profile, time).await.unwrap())
        }
        Op::Claim {
            worker: n,
            limit,
            max_leases,
            lease,
        } => {
            let claim = Claim::new(worker(*n), seconds(*lease), time)
                .with_limit(*limit)
                .with_max_leases(*max_leases);
            format!("{:?}", store.claim(claim).await.unwrap())
        }
        Op::Renew {
            worker: n,
            instance: run,
            tasks,
            lease,
        } => {
            let mut renew = Renew::new(worker(*n), scope(tasks), seconds(*lease), time);
            renew.instance = run.map(instance);
            format!("{:?}", store.renew(renew).await.unwrap())
        }
        Op::Submit(votes) => {
            let votes = votes
                .iter()
                .map(|(n, by, label, kind)| vote(task(*n), worker(*by), *label, *kind));
            let outcomes = store.submit(votes.collect(), &policies(), time).await;
            format!("{:?}", outcomes.unwrap())
        }
        Op::SubmitHeld { label, every } => {
            let mut votes = Vec::new();
            for n in 0..TASKS {
                let details = store.task(task(n)).await.unwrap();
                let leases = details.map(|details| details.leases).unwrap_or_default();
                votes.extend(leases.into_iter().map(|lease| (task(n), lease.worker)));
            }
            let votes = votes.into_iter().step_by(*every).enumerate();
            let votes = votes.map(|(i, (id, by))| {
                let i = u8::try_from(i).unwrap();
                vote(id, by, (label + i / 2) % 3, i % 4)
            });
            let outcomes = store.submit(votes.collect(), &policies(), time).await;
            format!("{:?}", outcomes.unwrap())
        }
        Op::Release {
            worker: n,
            instance: run,
            tasks,
            failed,
        } => {
            let mut release = Release::new(worker(*n), scope(tasks), time);
            release.instance = run.map(instance);
            if *failed {
                release = release.failed("é".repeat(300));
            }
            format!("{:?}", store.release(release).await.unwrap())
        }
        Op::Reap {
            limit,
            silence,
            gone,
        } => {
            let mut reap = Reap::new(time, *limit, seconds(*silence));
            reap.gone_after = gone.map(seconds);
            reap.stale_after = gone.map(|n| seconds(n / 2));
            format!("{:?}", store.reap(reap, &policies()).await.unwrap())
        }
        Op::Rule {
            worker: n,
            task_type: of,
            suspend,
        } => {
            let ruling = match suspend {
                true => Ruling::Suspend("é".repeat(300)),
                false => Ruling::Reinstate,
            };
            let mut change = StandingChange::new(worker(*n), ruling, time);
            change.task_type = of.map(task_type);
            format!("{:?}", store.set_standing(change).await.unwrap())
        }
        Op::Clear => format!("{:?}", store.clear(time).await.unwrap()),
        Op::Reopen => String::new(),
    }
}

/// All that the store shows.
async fn visible(store: &dyn MarketStore, now: i64) -> Vec<String> {
    let mut seen = Vec::new();
    for n in 0..TASKS {
        seen.push(format!("{:?}", store.task(task(n)).await.unwrap()));
    }
    let statuses = TaskStatus::ALL.map(Some).into_iter().chain([None]);
    for status in statuses {
        for task_type in [None, Some(task_type(0)), Some(task_type(1))] {
            for order in TaskOrder::ALL {
                // Enough for one or two of the texts, and how they ended, at a time.
                let mut query = TaskQuery::new(3).with_max_bytes(40);
                query.status = status;
                query.task_type.clone_from(&task_type);
                query.order = order;
                loop {
                    let page = store.tasks(query.clone()).await.unwrap();
                    seen.push(format!("{page:?}"));
                    let Some(last) = page.tasks.last() else {
                        break;
                    };
                    query = query.after(last.id);
                }
            }
        }
    }
    let mut query = WorkerQuery::new(2);
    loop {
        let page = store.workers(query.clone()).await.unwrap();
        seen.push(format!("{page:?}"));
        let Some(last) = page.last() else { break };
        query = query.after(last.profile.worker.clone());
    }
    let mut query = LeaderboardQuery::new(2);
    loop {
        let page = store.leaderboard(query.clone()).await.unwrap();
        seen.push(format!("{page:?}"));
        let Some(last) = page.last() else { break };
        query = query.after(last.points, last.worker.clone());
    }
    for n in 0..WORKERS {
        seen.push(format!("{:?}", store.worker(worker(n)).await.unwrap()));
    }
    let mut by = TallyBy::default();
    for flags in 0..8_u8 {
        (by.worker, by.model, by.task_type) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        for of in [None, Some(task_type(1))] {
            for who in [None, Some(worker(0))] {
                let mut query = TallyQuery::new(by, 3);
                (query.worker, query.task_type) = (who, of.clone());
                loop {
                    let page = store.tallies(query.clone()).await.unwrap();
                    seen.push(format!("{page:?}"));
                    let Some(last) = page.last() else { break };
                    query = query.after(last.tally.points, last.group.clone());
                }
            }
        }
    }
    let serving = store
        .serving(ServingQuery::new(at(now - 50)))
        .await
        .unwrap();
    seen.push(format!("{serving:?}"));
    let events = EventQuery::after(EventId::START, 1_000_000);
    let events = store.events(events).await.unwrap();
    seen.push(format!("{events:?}"));
    let stats = store.stats(StatsQuery::new(at(now - 20))).await.unwrap();
    seen.push(format!("{stats:?}"));
    seen
}

async fn run(path: &Path, ops: &[(i64, Op)]) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    let mut sqlite = SqliteStore::open(path).unwrap();
    let mut now = 0;
    for (n, (step, op)) in ops.iter().enumerate() {
        now += step;
        if matches!(op, Op::Reopen) {
            drop(sqlite);
            sqlite = SqliteStore::open(path).unwrap();
        }
        let expected = apply(&memory, op, now).await;
        let outcome = apply(&sqlite, op, now).await;
        prop_assert_eq!(outcome, expected, "step {}: {:?}", n, op);
        if n % 4 == 3 || n + 1 == ops.len() {
            let (expected, seen) = (visible(&memory, now).await, visible(&sqlite, now).await);
            prop_assert_eq!(seen, expected, "after step {}", n);
        }
    }
    Ok(())
}

/// A few seconds' worth, or as many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 400,
        // The seed of a failure is printed; a case of its own is the way to keep it.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_answers_as_the_store_in_memory_does(ops in ops()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&folder.path().join("market.db"), &ops))?;
    }
}
