//! A step that fails leaves nothing behind, wherever it fails.

use std::time::Duration;

use super::words::{change_worker, claim_key, failed, id, insert_people, person, submission, task};
use crate::conformance::harness::{Harness, at, label, profile, task_type, worker};
use crate::conformance::{FnStep, StepResult};
use crate::consensus::{RecordChange, Standing, StandingCause, StandingEntry, TrackRecord};
use crate::event::{Event, EventId};
use crate::id::{IdempotencyKey, TaskType};
use crate::store::{
    Absence, Addition, ClaimableQuery, Claimant, Counter, EventQuery, LeaderboardQuery, LeaseRow,
    LossRow, Needs, ServiceRow, StatsQuery, StoreError, Tally, TallyBy, TallyQuery, TaskQuery,
    Transaction, TransactionError, WorkerQuery,
};
use crate::task::{Task, TaskStatus};

type Write = fn(&mut dyn Transaction) -> Result<(), TransactionError>;

fn name() -> IdempotencyKey {
    IdempotencyKey::new("a name").unwrap()
}

fn lease(name: &str, until: i64) -> LeaseRow {
    LeaseRow::new(worker(name), at(0), at(until))
}

fn suspended() -> StandingEntry {
    let reason = "why".to_owned();
    StandingEntry::new(Standing::Suspended { reason }, StandingCause::Hand, at(1))
}

fn change() -> RecordChange {
    let mut change = RecordChange::forgiveness();
    change.agreements = crate::consensus::FractionalCount::ONE;
    change.streak = 1;
    change.cells = vec![(label("x"), label("x"), change.agreements)];
    change
}

/// The rows that are there before: two tasks, one of them with a vote, leases and losses, and what
/// is known of the workers.
async fn prepare(h: &Harness) {
    h.at(0);
    insert_people(h).await;
    h.run(|tx| {
        tx.insert_task(&task(0), claim_key(&task(0)), None)?;
        let due = Task {
            deadline: Some(at(1)),
            ..task(1)
        };
        tx.insert_task(
            &due,
            claim_key(&due),
            Some(&IdempotencyKey::new("taken").unwrap()),
        )?;
        tx.insert_vote(id(0), &submission("bob", "x", at(0)))?;
        tx.put_lease(id(0), &lease("alice", 60))?;
        tx.put_lease(id(0), &lease("mia", 1))?;
        tx.put_loss(id(0), &LossRow::new(worker("carl"), None, 1))?;
        change_worker(tx, "dora", |row| row.with_absence(Absence::Stale))?;
        change_worker(tx, "bob", |row| row.with_standing(None, Some(suspended())))?;
        tx.set_record(
            &TaskType::sentiment(),
            Some(&worker("bob")),
            &TrackRecord::default(),
        )?;
        tx.put(b"there", b"before")?;
        tx.log(Event::MarketReset {})
    })
    .await;
    h.at(2);
}

/// One of each write, and of each addition; some depend on those before them.
const WRITES: &[Write] = &[
    |tx| tx.insert_task(&task(2), claim_key(&task(2)), Some(&name())),
    |tx| {
        let less = Task {
            wanted: 1,
            submission_count: 1,
            ..task(0)
        };
        tx.update_task(&less, claim_key(&less))
    },
    |tx| tx.update_task(&failed(task(2)), None),
    |tx| tx.insert_vote(id(0), &submission("zoe", "x", at(2))),
    |tx| tx.insert_vote(id(1), &submission("zoe", "y", at(2))),
    |tx| tx.put_lease(id(1), &lease("bob", 1)),
    |tx| tx.put_lease(id(0), &lease("bob", 90)),
    |tx| tx.put_lease(id(0), &lease("alice", 1)),
    |tx| tx.delete_lease(id(0), &worker("mia")).map(drop),
    |tx| tx.shift_leases(Duration::from_secs(5), at(70)),
    |tx| tx.put_loss(id(0), &LossRow::new(worker("carl"), None, 2)),
    |tx| tx.put_loss(id(1), &LossRow::new(worker("carl"), None, 1)),
    |tx| tx.put_worker(&person("new")),
    |tx| {
        let profile = profile("alice").with_model(model());
        change_worker(tx, "alice", |row| row.with_profile(profile))
    },
    |tx| change_worker(tx, "alice", |row| row.with_absence(Absence::Gone)),
    |tx| change_worker(tx, "dora", |row| row.with_absence(Absence::Present)),
    |tx| {
        let of = TaskType::sentiment();
        change_worker(tx, "alice", |row| {
            row.with_standing(Some(&of), Some(suspended()))
        })
    },
    |tx| change_worker(tx, "bob", |row| row.with_standing(None, None)),
    |tx| {
        let mut record = TrackRecord::default();
        record.apply(&change());
        tx.set_record(&TaskType::sentiment(), Some(&worker("bob")), &record)?;
        tx.set_record(&TaskType::sentiment(), None, &record)
    },
    |tx| {
        tx.add(Addition::Record {
            worker: Some(&worker("alice")),
            task_type: &task_type("ner"),
            change: &change(),
        })
    },
    |tx| {
        tx.add(Addition::Record {
            worker: None,
            task_type: &TaskType::sentiment(),
            change: &change(),
        })
    },
    |tx| {
        let queued = Counter::Tasks(TaskType::sentiment(), TaskStatus::Queued);
        tx.add(Addition::Count(&queued, 1))
    },
    |tx| tx.add(Addition::Seen(&worker("carl"))),
    |tx| tx.add(Addition::Heartbeat(&worker("carl"))),
    |tx| {
        let mut by = Tally::default();
        (by.points, by.submissions) = (1, 1);
        tx.add(Addition::Tally {
            worker: &worker("alice"),
            task_type: &TaskType::sentiment(),
            model: None,
            by: &by,
        })
    },
    |tx| tx.set_service(ServiceRow::new(Some(at(2)), Some(at(1)))),
    |tx| tx.log(Event::MarketReset {}),
    |tx| tx.update_task(&failed(task(1)), None),
    |tx| tx.delete_task(id(1)).map(drop),
    |tx| change_worker(tx, "eve", |row| row.with_absence(Absence::Gone)),
    |tx| tx.delete_worker(&worker("eve")),
    |tx| tx.put(b"there", b"after"),
    |tx| tx.put(b"new", b"value"),
    |tx| tx.delete(b"there"),
    |tx| tx.clear(),
    |tx| tx.put_worker(&person("alice")),
    |tx| tx.log(Event::MarketReset {}),
];

fn model() -> crate::submission::ModelIdentity {
    crate::submission::ModelIdentity::new("m").unwrap()
}

/// Everything that can be seen of the rows, from within a step and from outside.
async fn everything(h: &Harness) -> Vec<String> {
    let mut seen = h
        .run(|tx| {
            let mut seen = Vec::new();
            for n in 0..3 {
                let task = tx.task(id(n))?;
                let there = task.is_some();
                seen.push(format!("{task:?}"));
                if there {
                    seen.push(format!("{:?} {:?}", tx.votes(id(n))?, tx.leases(id(n))?));
                    seen.push(format!("{:?}", tx.losses(id(n))?));
                }
            }
            for name in ["alice", "bob", "carl", "dora", "eve", "mia", "zoe", "new"] {
                let id = worker(name);
                seen.push(format!("{:?}", tx.worker(&id)?));
                seen.push(format!("{:?}", tx.leases_held(&id)?));
                for of in [TaskType::sentiment(), task_type("ner")] {
                    seen.push(format!("{:?}", tx.record(&of, Some(&id))?));
                }
                seen.push(format!(
                    "{:?} {:?}",
                    tx.record_types(&id)?,
                    tx.count_held(&id)?
                ));
            }
            let query = ClaimableQuery::new(
                Claimant::new(worker("carl"), None, None),
                TaskType::sentiment(),
                None,
                99,
            );
            seen.push(format!("{:?}", tx.claimable_after(&query)?));
            seen.push(format!(
                "{:?} {:?}",
                tx.tasks_overdue(9)?,
                tx.leases_overdue(9)?
            ));
            for absence in [Absence::Present, Absence::Stale, Absence::Gone] {
                let silence = Duration::from_secs(1);
                seen.push(format!("{:?}", tx.workers_silent(absence, silence, 99)?));
            }
            seen.push(format!("{:?}", tx.record(&TaskType::sentiment(), None)?));
            let taken = IdempotencyKey::new("taken").unwrap();
            seen.push(format!(
                "{:?} {:?}",
                tx.task_named(&name())?,
                tx.task_named(&taken)?
            ));
            seen.push(format!("{:?} {:?}", tx.open_tasks()?, tx.service()?));
            seen.push(format!("{:?}", tx.scan(b"", b"\xff", 99)?));
            Ok(seen)
        })
        .await;
    let store = &h.store;
    seen.push(format!(
        "{:?}",
        store.tasks(TaskQuery::new(99)).await.unwrap()
    ));
    for n in 0..3 {
        seen.push(format!("{:?}", store.task(id(n)).await.unwrap()));
    }
    seen.push(format!(
        "{:?}",
        store.workers(WorkerQuery::new(99)).await.unwrap()
    ));
    let board = store.leaderboard(LeaderboardQuery::new(99)).await.unwrap();
    seen.push(format!("{board:?}"));
    let tallies = TallyQuery::new(TallyBy::WORKER, 99);
    seen.push(format!("{:?}", store.tallies(tallies).await.unwrap()));
    seen.push(format!(
        "{:?}",
        store.stats(StatsQuery::new(at(1))).await.unwrap()
    ));
    let events = EventQuery::after(EventId::START, 99);
    seen.push(format!("{:?}", store.events(events).await.unwrap()));
    seen
}

/// Runs a step that does the first `n` writes and then `fails`.
async fn fail_after(
    h: &Harness,
    n: usize,
    fails: impl Fn() -> TransactionError + Send + 'static,
) -> StepResult<()> {
    h.try_run(move |tx| {
        for write in &WRITES[..n] {
            write(tx)?;
        }
        Err(fails())
    })
    .await
}

/// After each of its writes.
pub async fn a_step_that_fails_leaves_nothing(h: &Harness) {
    prepare(h).await;
    let before = everything(h).await;
    for n in 0..=WRITES.len() {
        let failure = || TransactionError::Store(StoreError::failed("this step fails"));
        let outcome = fail_after(h, n, failure).await;
        assert!(matches!(outcome, Err(StoreError::Failed(_))), "{n}");
        assert_eq!(everything(h).await, before, "after {n} writes");
    }
    // They do change what can be seen.
    h.run(|tx| WRITES.iter().try_for_each(|write| write(tx)))
        .await;
    let alone = h.store.workers(WorkerQuery::new(9)).await.unwrap();
    assert_eq!(alone.len(), 1);
}

/// Every write can be seen, or the case above would show little.
pub async fn each_write_can_be_seen(h: &Harness) {
    prepare(h).await;
    let mut before = everything(h).await;
    for (n, write) in WRITES.iter().enumerate() {
        h.run(write).await;
        let after = everything(h).await;
        assert_ne!(after, before, "write {n}");
        before = after;
    }
}

/// After each of its writes, and the store goes on.
pub async fn a_step_that_panics_leaves_nothing(h: &Harness) {
    prepare(h).await;
    let before = everything(h).await;
    for n in 0..=WRITES.len() {
        let outcome = fail_after(h, n, || panic!("this step panics")).await;
        assert!(outcome.is_err(), "{n}");
        assert_eq!(everything(h).await, before, "after {n} writes");
    }
}

/// A step that looked at rows which it did not ask for beforehand is undone; a store that fetches rows
/// runs it again, and then it is done once.
pub async fn a_step_that_misses_rows_leaves_nothing_or_is_run_again(h: &Harness) {
    prepare(h).await;
    let mut before = everything(h).await;
    for n in 0..30_u8 {
        let mut missed = false;
        let outcome = h
            .try_run(move |tx| {
                tx.put(b"misses", &[n])?;
                tx.log(Event::MarketReset {})?;
                if std::mem::replace(&mut missed, true) {
                    return Ok(());
                }
                let needs = Needs::new().with_tasks([id(0)]);
                Err(TransactionError::missing(needs.with_everything()))
            })
            .await;
        let after = everything(h).await;
        match outcome {
            Ok(()) => {
                let found = h.run(|tx| tx.get(b"misses")).await;
                assert_eq!(found, Some(vec![n]));
            }
            Err(_) => assert_eq!(after, before),
        }
        before = after;
    }
}

/// What the other steps wrote that may share its transaction holds.
pub async fn a_step_that_fails_takes_no_other_along(h: &Harness) {
    let mut results = Vec::new();
    for n in 0..30_u8 {
        let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| {
            tx.put(&[n], &[n])?;
            tx.put(b"shared", &[n])?;
            match n % 3 {
                0 => Ok(Some(())),
                1 => Err(StoreError::failed("this step fails").into()),
                _ => panic!("this step panics"),
            }
        });
        h.store.write(Box::new(step));
        results.push(result);
    }
    for (n, result) in results.into_iter().enumerate() {
        let result = result.await.expect("the step is finished");
        assert_eq!(result.is_ok(), n % 3 == 0, "{n}");
    }
    let found = h.run(|tx| tx.scan(b"", b"\xff", 99)).await;
    let keys: Vec<_> = found.iter().map(|(key, _)| key[0]).collect();
    let expected: Vec<u8> = (0..30).step_by(3).chain([b's']).collect();
    assert_eq!(keys, expected);
    assert_eq!(found[10].1[0] % 3, 0, "{:?}", found[10]);
}
