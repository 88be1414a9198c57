//! Whatever is done to a market on it, the store answers as the store in memory does, and shows the
//! same.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ops;
mod policies;

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::event::EventId;
use ai_market_core::id::{
    IdempotencyKey, InstanceId, Label, OwnerId, Reference, Tag, TaskId, TaskType, WorkerId,
};
use ai_market_core::market::{
    Claim, Insert, LeaseScope, Market, Reap, Release, Renew, Ruling, StandingChange,
};
use ai_market_core::store::{
    EventQuery, LeaderboardQuery, MemoryOptions, StatsQuery, TallyBy, TallyQuery, TaskOrder,
    TaskQuery, TaskStore, WorkerModel, WorkerProfile, WorkerQuery,
};
use ai_market_core::submission::{ModelIdentity, Scores, Vote};
use ai_market_core::task::{NewTask, TaskStatus};
use ai_market_core::time::{ManualClock, Timestamp};
use ai_market_sqlite::SqliteOptions;
use futures_util::future::join_all;
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
        .with_priority(shape.priority)
        .with_salt([*n; 16]);
    new.distinct_models = shape.distinct;
    new.deadline = shape.deadline.map(|seconds| at(now + seconds));
    new.idempotency_key = shape
        .key
        .map(|key| IdempotencyKey::new(format!("key {key}")).unwrap());
    let params = [
        "{}",
        r#"{"b": 0.1, "a": [{"é": "\u0000"}]}"#,
        r#"{"a": 18446744073709551615}"#,
    ];
    new.params = shape
        .params
        .map(|n| params[usize::from(n)].parse().unwrap());
    new.reference = shape
        .reference
        .then(|| Reference::new(" row 7: \"é\"").unwrap());
    let tags = ["z", "\"quoted\", é", "a b"].into_iter().enumerate();
    let tags = tags.filter(|(n, _)| shape.tags & (1 << n) != 0);
    new.tags = tags.map(|(_, tag)| Tag::new(tag).unwrap()).collect();
    // The same in both stores, whose digests would differ otherwise.
    new.salt = [*n; 16];
    new
}

fn scope(tasks: &Option<Vec<u8>>) -> LeaseScope {
    match tasks {
        Some(tasks) => LeaseScope::Named(tasks.iter().map(|n| task(*n)).collect()),
        None => LeaseScope::AllOf,
    }
}

/// Says which votes are meant by those on what the workers hold.
async fn resolve(store: &dyn TaskStore, op: &Op) -> Op {
    let Op::SubmitHeld { label, every } = op else {
        return op.clone();
    };
    let mut held = Vec::new();
    for n in 0..TASKS {
        let details = store.task(task(n)).await.unwrap();
        let leases = details.map(|details| details.leases).unwrap_or_default();
        let workers = (0..WORKERS).filter(|by| leases.iter().any(|l| l.worker == worker(*by)));
        held.extend(workers.map(|by| (n, by)));
    }
    let votes = held.into_iter().step_by(*every).zip(0_u8..);
    let votes = votes.map(|((n, by), i)| (n, by, (label + i / 2) % 3, i % 4));
    Op::Submit(votes.collect())
}

/// Does a step and says all that came of it.
async fn apply(market: &Market, op: &Op, now: i64) -> String {
    let seconds = Duration::from_secs;
    match op {
        Op::Insert(tasks, max_open) => {
            let tasks = tasks.iter().map(|task| new_task(task, now)).collect();
            let insert = Insert::new(tasks).with_max_open(*max_open);
            format!("{:?}", market.insert(insert).await.unwrap())
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
            format!("{:?}", market.register(profile).await.unwrap())
        }
        Op::Claim {
            worker: n,
            limit,
            max_leases,
            lease,
        } => {
            let claim = Claim::new(worker(*n), seconds(*lease))
                .with_limit(*limit)
                .with_max_leases(*max_leases);
            format!("{:?}", market.claim(claim).await.unwrap())
        }
        Op::Renew {
            worker: n,
            instance: run,
            tasks,
            lease,
        } => {
            let mut renew = Renew::new(worker(*n), scope(tasks), seconds(*lease));
            renew.instance = run.map(instance);
            format!("{:?}", market.renew(renew).await.unwrap())
        }
        Op::Submit(votes) => {
            let votes = votes
                .iter()
                .map(|(n, by, label, kind)| vote(task(*n), worker(*by), *label, *kind));
            format!("{:?}", market.submit(votes.collect()).await.unwrap())
        }
        Op::Release {
            worker: n,
            instance: run,
            tasks,
            failed,
        } => {
            let mut release = Release::new(worker(*n), scope(tasks));
            release.instance = run.map(instance);
            if *failed {
                release = release.failed("é".repeat(300));
            }
            format!("{:?}", market.release(release).await.unwrap())
        }
        Op::Reap {
            limit,
            silence,
            gone,
        } => {
            let mut reap = Reap::new(*limit, seconds(*silence));
            reap.gone_after = gone.map(seconds);
            reap.stale_after = gone.map(|n| seconds(n / 2));
            format!("{:?}", market.reap(reap).await.unwrap())
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
            let mut change = StandingChange::new(worker(*n), ruling);
            change.task_type = of.map(task_type);
            format!("{:?}", market.set_standing(change).await.unwrap())
        }
        Op::Clear => format!("{:?}", market.clear().await.unwrap()),
        Op::SubmitHeld { .. } | Op::Reopen => unreachable!("it was replaced"),
    }
}

/// All that the store shows.
async fn visible(store: &dyn TaskStore, now: i64) -> Vec<String> {
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
    let present = WorkerQuery::new(2).seen_since(at(now - 50));
    for mut query in [WorkerQuery::new(2), present] {
        loop {
            let page = store.workers(query.clone()).await.unwrap();
            seen.push(format!("{page:?}"));
            let Some(last) = page.last() else { break };
            query = query.after(last.profile.worker.clone());
        }
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
    let events = EventQuery::after(EventId::START, 1_000_000);
    let events = store.events(events).await.unwrap();
    seen.push(format!("{events:?}"));
    let stats = store.stats(StatsQuery::new(at(now - 20))).await.unwrap();
    seen.push(format!("{stats:?}"));
    seen
}

async fn run(path: &Path, ops: &[(i64, Op)]) -> Result<(), TestCaseError> {
    let mut now = 0;
    let clock = ManualClock::new(at(now));
    let memory = MemoryOptions::new().with_clock(clock.clone()).build();
    let memory = Market::new(memory, policies());
    let options = SqliteOptions::new().with_clock(clock.clone());
    let open = || Market::new(options.open(path).unwrap(), policies());
    let mut sqlite = open();
    let mut ops = ops.iter().peekable();
    let mut n = 0;
    while let Some((step, op)) = ops.next() {
        now += step;
        clock.set(at(now));
        if matches!(op, Op::Reopen) {
            drop(sqlite);
            // The market begins anew as well, and remembers nothing.
            sqlite = open();
            continue;
        }
        // What comes at the same time is written in one transaction, or in two. Events before a clear
        // in its transaction have no places, so that begins another.
        let joins = |(step, op): &&(i64, Op)| *step == 0 && !matches!(op, Op::Reopen | Op::Clear);
        let mut group = vec![resolve(memory.store(), op).await];
        while let Some((_, op)) = ops.next_if(joins) {
            group.push(resolve(memory.store(), op).await);
        }
        let mut expected = Vec::new();
        for op in &group {
            expected.push(apply(&memory, op, now).await);
        }
        let outcomes = join_all(group.iter().map(|op| apply(&sqlite, op, now))).await;
        prop_assert_eq!(outcomes, expected, "group {}: {:?}", n, group);
        if n % 4 == 3 || ops.peek().is_none() {
            let expected = visible(memory.store(), now).await;
            let seen = visible(sqlite.store(), now).await;
            prop_assert_eq!(seen, expected, "after group {}", n);
        }
        n += 1;
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
