//! Workers and their track records come back as they were written.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::words::insert_people;
use crate::conformance::harness::{Harness, at, label, profile, task_type, worker};
use crate::consensus::{RecordChange, Standing, StandingCause, StandingEntry, TrackRecord};
use crate::id::{InstanceId, OwnerId, PolicyName, TaskType};
use crate::store::{Absence, WorkerModel, WorkerProfile, WorkerRow};
use crate::submission::ModelIdentity;

fn model(id: &str) -> ModelIdentity {
    let model = ModelIdentity::new(id).unwrap();
    let model = model.with_revision("rev/1").unwrap();
    model.with_precision("int8").unwrap()
}

/// Writes a worker.
async fn put(h: &Harness, row: &WorkerRow) {
    let row = Arc::new(row.clone());
    h.run(move |tx| tx.put_worker(&row)).await;
}

/// A worker comes back as it was written, to steps and to readers.
async fn check(h: &Harness, row: &WorkerRow) {
    let id = row.id().clone();
    let found = h.run(move |tx| tx.worker(&id)).await;
    assert_eq!(found.as_deref(), Some(row));
    let known = h.worker(row.id().as_str()).await;
    assert_eq!(known.profile, *row.profile);
    assert_eq!(known.gone, row.absence == Absence::Gone);
    assert_eq!(known.standings, row.standings);
}

/// What a worker says of itself, and when it first registered.
pub async fn a_worker_comes_back_as_it_was_written(h: &Harness) {
    let labels = vec![label("two\nlines"), label("a"), label("é")];
    let full = WorkerProfile::new(worker("zoe é"), ["ner", "b", "a"].map(task_type))
        .with_owner(OwnerId::new("ann").unwrap())
        .with_instance(InstanceId::new("run 1").unwrap())
        .with_model(WorkerModel::new(model("m")).with_labels(labels))
        .with_model_for(task_type("ner"), model("n"));
    let changed = WorkerProfile::new(full.worker.clone(), [TaskType::sentiment()])
        .with_model_for(task_type("x"), model("y"));
    let full = WorkerRow::new(full);
    let plain = WorkerRow::new(WorkerProfile::new(worker("bob"), []));
    h.at(5);
    for row in [&full, &plain] {
        put(h, row).await;
        check(h, row).await;
        let known = h.worker(row.id().as_str()).await;
        assert_eq!((known.registered_at, known.last_seen), (at(5), at(5)));
        assert_eq!(known.last_heartbeat, None);
    }
    h.at(9);
    let changed = full.with_profile(changed);
    put(h, &changed).await;
    check(h, &changed).await;
    let known = h.worker(changed.id().as_str()).await;
    assert_eq!((known.registered_at, known.last_seen), (at(5), at(5)));
    check(h, &plain).await;
    let unknown = h.run(|tx| tx.worker(&worker("nobody"))).await;
    assert_eq!(unknown, None);
}

/// Back means seen now.
pub async fn absence_comes_back_as_it_was_written(h: &Harness) {
    let row = |name| WorkerRow::new(profile(name));
    h.at(1);
    put(h, &row("alice")).await;
    put(h, &row("bob")).await;
    h.at(100);
    for absence in [Absence::Stale, Absence::Gone, Absence::Stale] {
        let away = row("alice").with_absence(absence);
        put(h, &away).await;
        check(h, &away).await;
        assert_eq!(h.worker("alice").await.last_seen, at(1));
    }
    put(h, &row("alice")).await;
    check(h, &row("alice")).await;
    assert_eq!(h.worker("alice").await.last_seen, at(100));
    h.at(200);
    put(h, &row("alice")).await;
    assert_eq!(h.worker("alice").await.last_seen, at(100));
    check(h, &row("bob")).await;
    assert_eq!(h.worker("bob").await.last_seen, at(1));
}

/// Of each type and as a whole, of whatever cause.
pub async fn standings_come_back_as_they_were_written(h: &Harness) {
    let suspended = StandingEntry::new(
        Standing::Suspended {
            reason: "it's spam: é\n".to_owned(),
        },
        StandingCause::Hand,
        at(3),
    );
    let probation = StandingEntry::new(
        Standing::Probation {
            max_leases: NonZeroU32::MAX,
            reason: String::new(),
        },
        StandingCause::Policy(PolicyName::new("a policy/1").unwrap()),
        at(4),
    );
    let (sentiment, ner, never) = (TaskType::sentiment(), task_type("ner"), task_type("never"));
    let steps = [
        vec![
            (None, Some(probation.clone())),
            (Some(&sentiment), Some(suspended.clone())),
            (Some(&ner), Some(suspended)),
        ],
        vec![(Some(&ner), Some(probation))],
        vec![(None, None), (Some(&ner), None), (Some(&never), None)],
    ];
    insert_people(h).await;
    let mut row = WorkerRow::new(profile("alice"));
    check(h, &row).await;
    for (step, left) in steps.into_iter().zip([3, 3, 1]) {
        for (of, entry) in &step {
            row = row.with_standing(*of, entry.clone());
        }
        put(h, &row).await;
        check(h, &row).await;
        assert_eq!(row.standings.iter().count(), left);
    }
    assert!(row.standings.entry(Some(&sentiment)).is_some());
    assert!(h.worker("bob").await.standings.is_empty());
}

fn record(epoch: u64, answers: &[(&str, &str)]) -> TrackRecord {
    let mut record = TrackRecord::default();
    record.epoch = epoch;
    for (consensus, given) in answers {
        record.observe(&label(consensus), &label(given));
    }
    record
}

/// Counts, streak, what is forgiven, and the pairs of labels in their order.
pub async fn track_records_come_back_as_they_were_written(h: &Harness) {
    let mut first = record(7, &[("b", "a"), ("a", "a"), ("é\n", "b"), ("b", "b")]);
    first.apply(&RecordChange::forgiveness());
    first.observe(&label("b"), &label("a"));
    first.observe(&label("b"), &label("a"));
    let second = record(u64::from(u32::MAX), &[("x", "x")]);
    let prior = record(0, &[("z", "y"), ("a", "z")]);
    let written = [first.clone(), second.clone(), prior.clone()];
    insert_people(h).await;
    h.run(move |tx| {
        let [first, second, prior] = &written;
        let (alice, ner) = (worker("alice"), task_type("ner"));
        tx.set_record(&TaskType::sentiment(), Some(&alice), second)?;
        tx.set_record(&TaskType::sentiment(), Some(&alice), first)?;
        tx.set_record(&ner, Some(&alice), second)?;
        tx.set_record(&TaskType::sentiment(), None, second)?;
        tx.set_record(&TaskType::sentiment(), None, prior)
    })
    .await;
    let records = h.run(|tx| {
        let (alice, sentiment, ner) = (worker("alice"), TaskType::sentiment(), task_type("ner"));
        Ok([
            tx.record(&sentiment, Some(&alice))?,
            tx.record(&ner, Some(&alice))?,
            tx.record(&sentiment, None)?,
            tx.record(&sentiment, Some(&worker("bob")))?,
            tx.record(&ner, None)?,
        ])
    });
    let none = TrackRecord::default();
    assert_eq!(records.await, [first, second, prior, none.clone(), none]);
    let types = h.run(|tx| {
        let mut types = tx.record_types(&worker("alice"))?;
        types.sort();
        Ok((types, tx.record_types(&worker("bob"))?))
    });
    let expected = vec![task_type("ner"), TaskType::sentiment()];
    assert_eq!(types.await, (expected, Vec::new()));
}
