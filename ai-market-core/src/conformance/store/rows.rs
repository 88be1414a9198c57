//! Rows come back as they were written.

use std::collections::BTreeMap;
use std::time::Duration;

use super::words::{claim_key, insert_people, insert_tasks, person, submission, task};
use crate::confidence::Confidence;
use crate::conformance::harness::{Harness, at, described_task, label, number, task_type, worker};
use crate::id::{IdempotencyKey, InstanceId, OwnerId, PolicyName, RequestId};
use crate::store::{LeaseRow, LossRow, ServiceRow, Transaction};
use crate::submission::{ModelIdentity, Scores};
use crate::task::{Task, TaskState};

fn model(id: &str) -> ModelIdentity {
    let model = ModelIdentity::new(id).unwrap();
    let model = model.with_revision("rev/1").unwrap();
    model.with_precision("int8").unwrap()
}

fn owner(name: &str) -> OwnerId {
    OwnerId::new(name).unwrap()
}

/// Every field of a task, also of one that says little.
pub async fn a_task_comes_back_as_it_was_inserted(h: &Harness) {
    let described = described_task("two\nlines, é, \u{1F600} and 'quotes'", 3, 1)
        .with_task_type(task_type("ner-2"))
        .with_max_submissions(number(9))
        .with_max_attempts(number(7))
        .with_priority(i32::MIN)
        .with_deadline(at(9_000))
        .with_distinct_models(true)
        .with_client(owner("ann"));
    let mut full = Task::create(described, at(5));
    (full.wanted, full.attempts) = (4, 2);
    (full.submission_count, full.lease_count) = (1, 2);
    let mut plain = Task::restore(task(0).id, "", at(0));
    plain.priority = i32::MAX;
    let mut owned = Task::restore(task(1).id, "x", at(0));
    owned.client = Some(owner("ann 'é'"));
    let tasks = [full, plain, owned];
    let name = IdempotencyKey::new("order 7, 'é'").unwrap();
    let (written, named) = (tasks.clone(), name.clone());
    h.at(9);
    h.run(move |tx| {
        let [full, plain, owned] = &written;
        tx.insert_task(full, claim_key(full), Some(&named))?;
        tx.insert_task(plain, None, None)?;
        tx.insert_task(owned, None, None)
    })
    .await;
    for task in &tasks {
        let id = task.id;
        let found = h.run(move |tx| tx.task(id)).await;
        assert_eq!(found.as_ref(), Some(task));
        let details = h.details(id).await;
        assert_eq!(details.task, *task);
        assert!(details.submissions.is_empty() && details.leases.is_empty());
    }
    let unknown = task(7).id;
    let other = IdempotencyKey::new("order 7").unwrap();
    let found = h.run(move |tx| {
        Ok((
            tx.task_named(&name)?,
            tx.task_named(&other)?,
            tx.task(unknown)?,
        ))
    });
    assert_eq!(found.await, (Some(tasks[0].id), None, None));
}

/// How many votes it wants, its counts and how it ended.
pub async fn an_updated_task_comes_back_as_it_was_written(h: &Harness) {
    let ids = [task(0), task(1), task(2), task(3)];
    let agreement = Confidence::new(2.0 / 3.0).unwrap();
    let states = [
        TaskState::Open,
        TaskState::Finalized {
            label: label("two\nlines"),
            agreement,
            policy: PolicyName::new("a policy/7 (é)").unwrap(),
            at: at(7),
        },
        TaskState::Failed {
            reason: "it broke: 'é'".to_owned(),
            at: at(8),
        },
        TaskState::Cancelled {
            reason: "not 'needed'".to_owned(),
            at: at(9),
        },
    ];
    let tasks: Vec<Task> = ids
        .into_iter()
        .zip(states)
        .map(|(task, state)| Task {
            wanted: 5,
            attempts: 3,
            submission_count: 2,
            lease_count: u32::from(state == TaskState::Open),
            state,
            ..task
        })
        .collect();
    let updated = tasks.clone();
    h.run(|tx| {
        for n in 0..4 {
            tx.insert_task(&task(n), claim_key(&task(n)), None)?;
        }
        Ok(())
    })
    .await;
    h.run(move |tx| {
        for task in &updated {
            tx.update_task(task, claim_key(task))?;
        }
        Ok(())
    })
    .await;
    for task in tasks {
        let id = task.id;
        assert_eq!(h.run(move |tx| tx.task(id)).await.as_ref(), Some(&task));
        assert_eq!(h.get(id).await, task);
    }
}

/// Every field, in the order in which they were inserted, with late ones last.
pub async fn votes_come_back_in_order(h: &Harness) {
    let scores = BTreeMap::from([
        (label("x"), Confidence::new(0.1 + 0.2).unwrap()),
        (label("é\n"), Confidence::new(1.0 / 3.0).unwrap()),
        (label("y"), Confidence::ZERO),
    ]);
    let mut full = submission("zoe", "two\nlines", at(3));
    full.confidence = Confidence::new(0.123_456_789_012_345_67).unwrap();
    full.scores = Some(Scores::new(scores).unwrap());
    full.model = Some(model("org/m"));
    full.owner = Some(owner("ann"));
    full.truncated = true;
    let mut late = submission("mia", "x", at(3));
    late.late = true;
    let mut later = submission("carl", "x", at(3));
    later.late = true;
    let others = [
        submission("bob", "x", at(3)),
        submission("alice", "y", at(3)),
    ];
    let [bob, alice] = others.clone();
    let written = [full.clone(), late.clone(), bob, later.clone(), alice];
    let (id, other) = (task(0).id, task(1).id);
    insert_tasks(h, 2).await;
    h.run(move |tx| {
        for vote in &written {
            tx.insert_vote(id, vote)?;
        }
        tx.insert_vote(other, &submission("alice", "z", at(1)))
    })
    .await;
    let [bob, alice] = others;
    let expected = [full, bob, alice, late, later];
    assert_eq!(h.run(move |tx| tx.votes(id)).await, expected);
    assert_eq!(h.details(id).await.submissions, expected);
    let others = h.run(move |tx| tx.votes(other)).await;
    assert_eq!(others, [submission("alice", "z", at(1))]);
}

fn full_lease() -> LeaseRow {
    let mut lease = LeaseRow::new(worker("zoe"), at(1), at(61));
    lease.owner = Some(owner("ann"));
    lease.instance = Some(InstanceId::new("run é").unwrap());
    lease.request = Some(RequestId::new("claim é").unwrap());
    lease.model = Some(model("org/m"));
    lease
}

/// Every field, in the order in which they were claimed.
pub async fn leases_come_back_in_order(h: &Harness) {
    let (id, other) = (task(0).id, task(1).id);
    let leases = [
        full_lease(),
        LeaseRow::new(worker("bob"), at(1), at(500)),
        LeaseRow::new(worker("alice"), at(1), at(30)),
    ];
    let written = leases.clone();
    insert_tasks(h, 2).await;
    h.run(move |tx| {
        for lease in &written {
            tx.put_lease(id, lease)?;
        }
        tx.put_lease(other, &LeaseRow::new(worker("alice"), at(2), at(3)))
    })
    .await;
    assert_eq!(h.run(move |tx| tx.leases(id)).await, leases);
    let shown: Vec<_> = leases.iter().map(LeaseRow::lease).collect();
    assert_eq!(h.details(id).await.leases, shown);
    let found = h.run(move |tx| {
        let held = tx.lease(id, &worker("bob"))?;
        Ok((
            held,
            tx.lease(id, &worker("carl"))?,
            tx.lease(other, &worker("bob"))?,
        ))
    });
    assert_eq!(found.await, (Some(leases[1].clone()), None, None));
}

/// An update writes until when a lease lasts and whether it is a grace lease; a deleted one is gone.
pub async fn leases_are_updated_and_deleted(h: &Harness) {
    let id = task(0).id;
    let updated = LeaseRow {
        until: at(99),
        grace: true,
        ..full_lease()
    };
    let written = updated.clone();
    insert_tasks(h, 1).await;
    let deleted = h.run(move |tx| {
        tx.put_lease(id, &full_lease())?;
        tx.put_lease(id, &LeaseRow::new(worker("bob"), at(1), at(2)))?;
        tx.put_lease(id, &written)?;
        let first = tx.delete_lease(id, &worker("bob"))?;
        Ok((first, tx.delete_lease(id, &worker("bob"))?))
    });
    assert_eq!(deleted.await, (true, false));
    assert_eq!(h.run(move |tx| tx.leases(id)).await, [updated]);
}

/// For each worker and task, with the owner of the last one.
pub async fn losses_come_back_as_they_were_written(h: &Harness) {
    let (id, other) = (task(0).id, task(1).id);
    insert_tasks(h, 2).await;
    h.run(move |tx| {
        tx.put_loss(id, &LossRow::new(worker("bob"), None, 3))?;
        tx.put_loss(id, &LossRow::new(worker("alice"), None, 1))?;
        tx.put_loss(id, &LossRow::new(worker("alice"), Some(owner("ann")), 2))
    })
    .await;
    let losses = h.run(move |tx| Ok([tx.losses(id)?, tx.losses(other)?]));
    let expected = vec![
        LossRow::new(worker("alice"), Some(owner("ann")), 2),
        LossRow::new(worker("bob"), None, 3),
    ];
    assert_eq!(losses.await, [expected, Vec::new()]);
}

/// Both of its times, each of which may be absent.
pub async fn the_service_row_comes_back_as_it_was_written(h: &Harness) {
    assert_eq!(h.run(|tx| tx.service()).await, ServiceRow::default());
    for row in [
        ServiceRow::new(Some(at(5)), Some(at(1))),
        ServiceRow::new(Some(at(6)), None),
        ServiceRow::new(None, Some(at(2))),
        ServiceRow::default(),
    ] {
        h.run(move |tx| tx.set_service(row)).await;
        assert_eq!(h.run(|tx| tx.service()).await, row);
    }
}

/// When each lease was claimed, but not after now, until when it lasts, but for the latest that it
/// may, and nothing else; nobody was last seen in the future.
pub async fn leases_are_shifted_together(h: &Harness) {
    let (first, second) = (task(0).id, task(1).id);
    insert_tasks(h, 2).await;
    h.at(150);
    h.run(move |tx| {
        tx.put_lease(first, &full_lease())?;
        let grace = LeaseRow {
            grace: true,
            ..LeaseRow::new(worker("bob"), at(1), at(20))
        };
        tx.put_lease(first, &grace)?;
        tx.put_lease(second, &LeaseRow::new(worker("zoe"), at(1), at(300)))?;
        tx.shift_leases(Duration::from_secs(100), at(350))
    })
    .await;
    let read = |tx: &mut dyn Transaction| Ok([tx.leases(task(0).id)?, tx.leases(task(1).id)?]);
    let [on_first, on_second] = h.run(read).await;
    let untils: Vec<_> = on_first.iter().chain(&on_second).map(|l| l.until).collect();
    assert_eq!(untils, [at(161), at(120), at(350)]);
    let expected = LeaseRow {
        until: at(161),
        claimed_at: full_lease().claimed_at.plus(Duration::from_secs(100)),
        ..full_lease()
    };
    assert_eq!(on_first[0], expected);
    assert!(on_first[1].grace);
    h.run(|tx| tx.shift_leases(Duration::from_secs(100), at(150)))
        .await;
    let [on_first, on_second] = h.run(read).await;
    let untils: Vec<_> = on_first.iter().chain(&on_second).map(|l| l.until).collect();
    assert_eq!(untils, [at(150), at(150), at(150)]);
    assert_eq!(on_first[0].claimed_at, at(150), "not after now");
}

/// Whatever bytes; the last value of a key counts.
pub async fn bytes_are_put_and_deleted(h: &Harness) {
    h.run(|tx| {
        tx.put(b"a", b"first")?;
        tx.put(b"a", b"second")?;
        tx.put(b"empty", b"")?;
        tx.put(b"\x00\xff'\"\n", &[0, 255, 39])?;
        tx.put(b"gone", b"x")?;
        tx.delete(b"gone")?;
        tx.delete(b"never")
    })
    .await;
    let found = h.run(|tx| {
        let keys: [&[u8]; 6] = [b"a", b"empty", b"\x00\xff'\"\n", b"gone", b"never", b"A"];
        keys.iter()
            .map(|key| tx.get(key))
            .collect::<Result<Vec<_>, _>>()
    });
    let expected = [
        Some(b"second".to_vec()),
        Some(Vec::new()),
        Some(vec![0, 255, 39]),
        None,
        None,
        None,
    ];
    assert_eq!(found.await, expected);
}

/// In the order of the bytes of the keys, from the first bound on and before the second.
pub async fn bytes_are_scanned_in_order(h: &Harness) {
    let keys: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"a",
        b"a\x00",
        b"aa",
        b"b",
        b"\x7f",
        b"\xff\xff",
    ];
    h.run(move |tx| {
        for key in keys.iter().rev() {
            tx.put(key, &[key, &b"!"[..]].concat())?;
        }
        Ok(())
    })
    .await;
    let scan = async |from: &'static [u8], to: &'static [u8], limit| {
        let found = h.run(move |tx| tx.scan(from, to, limit)).await;
        for (key, value) in &found {
            assert_eq!(*value, [key, &b"!"[..]].concat());
        }
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(scan(b"", b"\xff\xff\xff", 99).await, keys);
    assert_eq!(scan(b"", b"\xff\xff", 99).await, keys[..7]);
    assert_eq!(scan(b"a", b"b", 99).await, keys[2..5]);
    assert_eq!(scan(b"a", b"b", 2).await, keys[2..4]);
    assert_eq!(scan(b"a\x00\x00", b"zz", 99).await, keys[4..6]);
    for (from, to, limit) in [
        (&b"b"[..], &b"a"[..], 9),
        (b"a", b"a", 9),
        (b"c", b"d", 9),
        (b"a", b"z", 0),
    ] {
        assert!(scan(from, to, limit).await.is_empty(), "{from:?} {to:?}");
    }
}

/// A step sees what it has written itself.
pub async fn a_step_sees_its_own_writes(h: &Harness) {
    let id = task(0).id;
    insert_people(h).await;
    let seen = h.run(move |tx| {
        let mut open = task(0);
        tx.insert_task(&open, claim_key(&open), None)?;
        open.wanted = 7;
        tx.update_task(&open, claim_key(&open))?;
        tx.insert_vote(id, &submission("bob", "x", at(0)))?;
        tx.put_lease(id, &full_lease())?;
        tx.put_worker(&person("new"))?;
        tx.put(b"k", b"v")?;
        let wanted = tx.task(id)?.map(|task| task.wanted);
        let rows = (
            tx.votes(id)?.len(),
            tx.leases(id)?.len(),
            tx.count_held(&worker("zoe"))?,
        );
        Ok((
            wanted,
            rows,
            tx.worker(&worker("new"))?.is_some(),
            tx.get(b"k")?,
        ))
    });
    let expected = (Some(7), (1, 1, 1), true, Some(b"v".to_vec()));
    assert_eq!(seen.await, expected);
}
