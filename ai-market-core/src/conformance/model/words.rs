//! Names for the numbers that operations are made of.

use crate::confidence::Confidence;
use crate::conformance::harness::{at, number};
use crate::id::{
    IdempotencyKey, InstanceId, Label, OwnerId, RequestId, TaskId, TaskType, WorkerId,
};
use crate::submission::{ModelIdentity, Scores, Vote};
use crate::task::NewTask;

use super::ops::TaskShape;

/// How many workers there are at most.
pub(super) const WORKERS: u8 = 5;

/// How many tasks there are at most.
pub(super) const TASKS: u8 = 12;

/// Ids whose order is not the order in which tasks are inserted.
pub(super) fn task(n: u8) -> TaskId {
    let mut bytes = [0x70; 16];
    bytes[0] = n.wrapping_mul(5) % TASKS;
    bytes[15] = n;
    TaskId::from_bytes(bytes)
}

pub(super) fn tasks() -> impl Iterator<Item = TaskId> {
    (0..TASKS).map(task)
}

pub(super) fn worker(n: u8) -> WorkerId {
    // Not in the order of their numbers.
    WorkerId::new(["mia", "Zoë", "bob", "alice's box", "7"][usize::from(n)]).unwrap()
}

pub(super) fn workers() -> impl Iterator<Item = WorkerId> {
    (0..WORKERS).map(worker)
}

pub(super) fn task_type(n: u8) -> TaskType {
    TaskType::new(["sentiment", "ner"][usize::from(n)]).unwrap()
}

pub(super) fn instance(n: u8) -> InstanceId {
    InstanceId::new(format!("run-{n}")).unwrap()
}

pub(super) fn request(n: u8) -> RequestId {
    RequestId::new(format!("claim-{n}")).unwrap()
}

pub(super) fn owner(n: u8) -> OwnerId {
    OwnerId::new(format!("owner {n}")).unwrap()
}

pub(super) fn model(n: u8) -> ModelIdentity {
    let model = ModelIdentity::new(format!("model-{n}")).unwrap();
    model.with_precision("int8").unwrap()
}

/// A vote of a kind: with a model, with scores, truncated or plain.
pub(super) fn vote(task: TaskId, worker: WorkerId, label: u8, kind: u8) -> Vote {
    let label = Label::new(["positive", "Negative.", "negative"][usize::from(label)]).unwrap();
    // Numbers that only come back right when every digit is kept.
    let confidence = Confidence::saturating(0.1 + 0.2 * f64::from(kind) + 1e-17);
    let vote = Vote::new(task, worker, label.clone(), confidence).with_truncated(kind == 1);
    match kind {
        2 => vote.with_model(model(0)),
        3 => {
            let scores = [(label, Confidence::saturating(1.0 / 3.0))];
            vote.with_scores(Scores::new(scores.into_iter().collect()).unwrap())
        }
        _ => vote,
    }
}

/// A task of this shape that is inserted at `now`.
pub(super) fn new_task(n: u8, shape: &TaskShape, now: i64) -> NewTask {
    let mut new = NewTask::new(task(n), format!("text {}", n % 4))
        .with_task_type(task_type(shape.task_type))
        .with_required_submissions(number(shape.required))
        .with_wanted(number(shape.wanted))
        .with_max_submissions(number(shape.max))
        .with_max_attempts(number(shape.attempts))
        .with_priority(shape.priority)
        .with_salt([n; 16]);
    new.distinct_models = shape.distinct;
    new.deadline = shape.deadline.map(|seconds| at(now + seconds));
    new.idempotency_key = shape
        .key
        .map(|key| IdempotencyKey::new(format!("key {key}")).unwrap());
    new
}
