//! Short words for the rows that the cases write.

use std::sync::Arc;

use crate::confidence::Confidence;
use crate::conformance::harness::{Harness, at, label, profile, worker};
use crate::id::TaskId;
use crate::store::{ClaimKey, Transaction, TransactionError, WorkerRow};
use crate::submission::{Submission, Vote};
use crate::task::{Task, TaskState};
use crate::time::Timestamp;

/// The workers that the rows of the cases belong to.
const PEOPLE: [&str; 7] = ["alice", "bob", "carl", "dora", "eve", "mia", "zoe"];

/// A worker that says little of itself.
pub(super) fn person(name: &str) -> Arc<WorkerRow> {
    Arc::new(WorkerRow::new(profile(name)))
}

/// Inserts every worker of the cases, since a store may refuse rows of workers that are not there.
pub(super) async fn insert_people(h: &Harness) {
    h.run(|tx| {
        for name in PEOPLE {
            tx.put_worker(&person(name))?;
        }
        Ok(())
    })
    .await;
}

/// Reads the row of a worker, changes it, and writes it.
pub(super) fn change_worker(
    tx: &mut dyn Transaction,
    name: &str,
    change: impl FnOnce(WorkerRow) -> WorkerRow,
) -> Result<(), TransactionError> {
    let row = tx.worker(&worker(name))?;
    let row = row.expect("the worker is there");
    tx.put_worker(&Arc::new(change(WorkerRow::clone(&row))))
}

/// Inserts every worker, and the first `n` tasks, which nobody may claim.
pub(super) async fn insert_tasks(h: &Harness, n: u8) {
    insert_people(h).await;
    h.run(move |tx| {
        for n in 0..n {
            tx.insert_task(&task(n), None, None)?;
        }
        Ok(())
    })
    .await;
}

/// The id of the `n`th task: ids rise with `n`.
pub(super) fn id(n: u8) -> TaskId {
    let mut bytes = [0x70; 16];
    bytes[15] = n;
    TaskId::from_bytes(bytes)
}

/// The `n`th task: open, wants three votes, and allows nine.
pub(super) fn task(n: u8) -> Task {
    let mut task = Task::restore(id(n), format!("text {n}"), at(0));
    task.max_submissions = 9;
    task
}

/// A task that failed at 1.
pub(super) fn failed(task: Task) -> Task {
    let reason = "it broke: 'é'\n".to_owned();
    Task {
        state: TaskState::Failed { reason, at: at(1) },
        ..task
    }
}

/// Where a task stands among the claimable ones, if it is among them.
pub(super) fn claim_key(task: &Task) -> Option<ClaimKey> {
    (task.claimable_replicas() > 0).then(|| ClaimKey::new(task.priority, task.id))
}

/// An answer of a worker in time, without owner, model or scores.
pub(super) fn submission(name: &str, text: &str, time: Timestamp) -> Submission {
    let confidence = Confidence::new(0.9).unwrap();
    let vote = Vote::new(id(0), worker(name), label(text), confidence);
    Submission::accept(vote, None, time, false)
}
