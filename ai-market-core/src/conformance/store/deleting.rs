//! Rows that are no longer kept are found in order, and deleted.

use std::time::Duration;

use super::words::{
    change_worker, claim_key, failed, id, insert_people, insert_tasks, person, submission, task,
};
use crate::confidence::Confidence;
use crate::conformance::harness::label;
use crate::conformance::harness::{Harness, at, task_type, worker};
use crate::consensus::{Standing, StandingCause, StandingEntry, TrackRecord};
use crate::id::{IdempotencyKey, PolicyName, TaskType};
use crate::store::{
    Absence, Addition, ClosedQuery, ClosedTask, Counter, LeaseRow, LossRow, Tally, TaskQuery,
    TaskTypeQuery, WorkerQuery,
};
use crate::task::{Task, TaskState, TaskStatus};

/// The `n`th task, closed at `n`: finalized, failed or cancelled.
fn closed(n: u8) -> Task {
    let at = at(i64::from(n));
    let reason = "why".to_owned();
    let state = match n % 3 {
        0 => TaskState::Finalized {
            label: label("x"),
            agreement: Confidence::ONE,
            policy: PolicyName::new("majority").unwrap(),
            at,
        },
        1 => TaskState::Failed { reason, at },
        _ => TaskState::Cancelled { reason, at },
    };
    let mut task = Task { state, ..task(n) };
    task.submission_count = u32::from(n);
    if n.is_multiple_of(2) {
        task.task_type = task_type("ner");
    }
    task
}

/// Of every status and type, page by page, with what is counted of each; open ones are not.
pub async fn closed_tasks_are_found_in_order(h: &Harness) {
    let open = [2, 5, 11];
    h.run(move |tx| {
        for n in (0..12).rev() {
            let task = if open.contains(&n) {
                task(n)
            } else {
                closed(n)
            };
            tx.insert_task(&task, claim_key(&task), None)?;
        }
        // One that is closed later than it was inserted.
        tx.update_task(&closed(5), None)
    })
    .await;
    let expected: Vec<_> = (0..10)
        .filter(|n| *n != 2)
        .filter_map(|n| ClosedTask::of(&closed(n)))
        .collect();
    for limit in 1..10 {
        let (mut found, mut query) = (Vec::new(), ClosedQuery::new(id(10), limit));
        loop {
            let page = h.run(move |tx| tx.closed_tasks(&query)).await;
            let Some(last) = page.last() else {
                break;
            };
            assert!(page.len() <= limit);
            query = query.after(last.id);
            found.extend(page);
        }
        assert_eq!(found, expected, "{limit}");
    }
    let none = ClosedQuery::new(id(3), 9).after(id(7));
    assert!(h.run(move |tx| tx.closed_tasks(&none)).await.is_empty());
}

/// With its votes, leases, losses and name; nothing of the others.
pub async fn a_deleted_task_takes_along_what_belongs_to_it(h: &Harness) {
    insert_people(h).await;
    let name = |n: u8| IdempotencyKey::new(format!("name {n}")).unwrap();
    h.run(move |tx| {
        for n in 0..3 {
            tx.insert_task(&task(n), claim_key(&task(n)), Some(&name(n)))?;
            for voter in ["alice", "bob"] {
                tx.insert_vote(id(n), &submission(voter, "x", at(0)))?;
            }
            tx.put_loss(id(n), &LossRow::new(worker("carl"), None, 1))?;
            let mut lease = LeaseRow::new(worker("dora"), at(0), at(1));
            tx.put_lease(id(n), &lease)?;
            lease.grace = true;
            tx.put_lease(id(n), &lease)?;
            let mut ended = failed(task(n));
            ended.submission_count = 2;
            ended.attempts = 1;
            tx.update_task(&ended, None)?;
        }
        Ok(())
    })
    .await;
    let others = async || {
        let mut seen = Vec::new();
        for n in [0, 2] {
            seen.push(format!("{:?}", h.details(id(n)).await));
            let rows = h.run(move |tx| {
                let named = tx.task_named(&name(n))?;
                Ok((
                    tx.votes(id(n))?,
                    tx.leases(id(n))?,
                    tx.losses(id(n))?,
                    named,
                ))
            });
            seen.push(format!("{:?}", rows.await));
        }
        seen
    };
    let before = others().await;
    let deleted = h.run(|tx| Ok([tx.delete_task(id(1))?, tx.delete_task(id(1))?]));
    assert_eq!(deleted.await, [true, false]);
    assert!(!h.run(|tx| tx.delete_task(id(9))).await);
    assert_eq!(others().await, before);
    let gone = h.run(move |tx| Ok((tx.task(id(1))?, tx.task_named(&name(1))?)));
    assert_eq!(gone.await, (None, None));
    assert!(h.store.task(id(1)).await.unwrap().is_none());
    let page = h.store.tasks(TaskQuery::new(9)).await.unwrap();
    let left: Vec<_> = page.tasks.iter().map(|task| task.id).collect();
    assert_eq!(left, [id(0), id(2)]);
    h.at(9);
    let overdue = h.run(|tx| tx.leases_overdue(9)).await;
    assert_eq!(overdue, [0, 2].map(|n| (id(n), worker("dora"))));
    // Nothing of it is in the way of another task of the same id.
    h.run(move |tx| tx.insert_task(&task(1), claim_key(&task(1)), Some(&name(1))))
        .await;
    let anew = h.run(|tx| Ok((tx.votes(id(1))?, tx.leases(id(1))?, tx.losses(id(1))?)));
    assert_eq!(anew.await, (vec![], vec![], vec![]));
}

/// Also where it has workers no longer, and until it has tasks again.
pub async fn a_type_without_tasks_is_no_longer_found(h: &Harness) {
    let ner = || Counter::Tasks(task_type("ner"), TaskStatus::Failed);
    let types = async || {
        let types = h.store.task_types(TaskTypeQuery::new(9)).await.unwrap();
        let types = types.into_iter();
        types.map(|of| of.task_type.to_string()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        h.run(move |tx| {
            tx.add(Addition::Count(&ner(), 2))?;
            tx.add(Addition::Count(
                &Counter::Tasks(TaskType::sentiment(), TaskStatus::Queued),
                1,
            ))
        })
        .await;
        assert_eq!(types().await, ["ner", "sentiment"]);
        h.run(move |tx| tx.add(Addition::Count(&ner(), -1))).await;
        assert_eq!(types().await, ["ner", "sentiment"]);
        h.run(move |tx| tx.add(Addition::Count(&ner(), -1))).await;
        assert_eq!(types().await, ["sentiment"]);
    }
}

/// Those that are gone and never did anything, the longest silent first.
pub async fn unused_workers_are_found_in_order(h: &Harness) {
    h.at(0);
    insert_tasks(h, 1).await;
    h.at(1);
    h.run(|tx| {
        for name in ["new", "old"] {
            tx.put_worker(&person(name))?;
        }
        Ok(())
    })
    .await;
    h.at(2);
    h.run(|tx| {
        let reason = "why".to_owned();
        let standing = Standing::Suspended { reason };
        let entry = StandingEntry::new(standing, StandingCause::Hand, at(2));
        change_worker(tx, "alice", |row| row.with_standing(None, Some(entry)))?;
        tx.set_record(
            &TaskType::sentiment(),
            Some(&worker("bob")),
            &TrackRecord::default(),
        )?;
        tx.put_lease(id(0), &LeaseRow::new(worker("carl"), at(2), at(9)))?;
        tx.add(Addition::Tally {
            worker: &worker("dora"),
            task_type: &TaskType::sentiment(),
            model: None,
            by: &Tally::default(),
        })?;
        tx.put_worker(&person("late"))?;
        for name in [
            "alice", "bob", "carl", "dora", "eve", "late", "mia", "new", "old",
        ] {
            change_worker(tx, name, |row| row.with_absence(Absence::Gone))?;
        }
        change_worker(tx, "zoe", |row| row.with_absence(Absence::Stale))
    })
    .await;
    h.at(20);
    let unused = async |seconds, limit| {
        let silence = Duration::from_secs(seconds);
        let found = h.run(move |tx| tx.workers_unused(silence, limit)).await;
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = ["eve", "mia", "new", "old", "late"];
    assert_eq!(unused(17, 9).await, all);
    assert_eq!(unused(18, 9).await, all[..4], "for longer than that");
    assert_eq!(unused(17, 3).await, all[..3]);
    assert!(unused(20, 9).await.is_empty());
    h.run(|tx| tx.delete_lease(id(0), &worker("carl"))).await;
    assert_eq!(unused(19, 9).await, ["carl", "eve", "mia"]);
    // What the same step has learned of one counts.
    let in_step = h.run(|tx| {
        tx.add(Addition::Tally {
            worker: &worker("carl"),
            task_type: &TaskType::sentiment(),
            model: None,
            by: &Tally::default(),
        })?;
        tx.workers_unused(Duration::from_secs(19), 2)
    });
    assert_eq!(in_step.await, [worker("eve"), worker("mia")]);
}

/// And registers anew.
pub async fn a_deleted_worker_is_not_there(h: &Harness) {
    h.at(0);
    insert_people(h).await;
    h.run(|tx| {
        for name in ["alice", "bob"] {
            change_worker(tx, name, |row| row.with_absence(Absence::Gone))?;
        }
        Ok(())
    })
    .await;
    h.at(9);
    h.run(|tx| tx.delete_worker(&worker("alice"))).await;
    assert_eq!(h.run(|tx| tx.worker(&worker("alice"))).await, None);
    assert!(h.store.worker(worker("alice")).await.unwrap().is_none());
    let silent = Duration::from_secs(1);
    let unused = h.run(move |tx| tx.workers_unused(silent, 9)).await;
    assert_eq!(unused, [worker("bob")]);
    let workers = h.store.workers(WorkerQuery::new(99)).await.unwrap();
    assert_eq!(workers.len(), 6);
    assert_eq!(h.stats().await.workers_gone, 1);
    h.run(|tx| tx.put_worker(&person("alice"))).await;
    let anew = h.worker("alice").await;
    assert_eq!((anew.registered_at, anew.last_seen), (at(9), at(9)));
    assert!(!anew.gone);
}
