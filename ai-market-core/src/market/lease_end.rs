use crate::event::{Event, RequeueCause};
use crate::id::{OwnerId, TaskId, WorkerId};
use crate::store::{Addition, LossRow, Tally, TransactionError};
use crate::task::{Task, TaskState};

use super::Context;
use super::context::TaskSnapshot;
use super::decide::end_leases_on;

/// How often a worker, or the workers of one owner together, may lose a task. They do not get it
/// again after that.
pub(super) const MAX_LOSSES_PER_OWNER: u32 = 2;

/// The longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// Why a lease on an open task ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseEnd<'a> {
    /// It ran out.
    Expired,
    /// Its worker could not answer, for this reason.
    Failed(&'a str),
    /// Its worker gave it back.
    Returned,
    /// Its worker was started again.
    Restarted,
    /// Its worker is gone.
    Gone,
    /// Its worker was suspended.
    Suspended,
}

impl LeaseEnd<'_> {
    /// The cause that is logged.
    const fn cause(self) -> RequeueCause {
        match self {
            Self::Expired => RequeueCause::Expired,
            Self::Failed(_) => RequeueCause::Failed,
            Self::Returned => RequeueCause::Returned,
            Self::Restarted => RequeueCause::Restarted,
            Self::Gone => RequeueCause::Gone,
            Self::Suspended => RequeueCause::Suspended,
        }
    }

    /// The reason of the attempt that it is; `None` where it costs the task nothing.
    const fn attempt(&self) -> Option<&str> {
        match self {
            Self::Expired => Some("the lease ran out"),
            Self::Failed(reason) => Some(reason),
            Self::Restarted => Some("the worker was started again"),
            Self::Gone => Some("the worker is gone"),
            Self::Returned | Self::Suspended => None,
        }
    }
}

/// Ends a lease on an open task without an answer, and returns whether there was one. Where that is
/// an attempt, it may fail the task.
pub(super) fn end_lease(
    cx: &mut Context<'_>,
    id: TaskId,
    worker: &WorkerId,
    end: LeaseEnd<'_>,
) -> Result<bool, TransactionError> {
    let Some(mut task) = cx.tx.task(id)? else {
        return Ok(false);
    };
    if task.state != TaskState::Open {
        return Ok(false);
    }
    let Some(held) = cx.tx.lease(id, worker)? else {
        return Ok(false);
    };
    cx.tx.delete_lease(id, worker)?;
    cx.log_effect(Event::requeued(&task, worker.clone(), end.cause()))?;
    let before = TaskSnapshot::of(&task);
    task.lease_count = task.lease_count.saturating_sub(1);
    if let Some(cause) = end.attempt() {
        let lost = Tally {
            lost: 1,
            ..Tally::default()
        };
        cx.tx.add(Addition::Tally {
            worker,
            task_type: &task.task_type,
            model: held.model.as_ref(),
            by: &lost,
        })?;
        cx.losers.insert((worker.clone(), task.task_type.clone()));
        if count_loss(cx, id, worker, held.owner)? <= counted_losses(&task) {
            task.attempts += 1;
        }
        if task.attempts >= allowed_attempts(&task) {
            let reason = attempts_exhausted(task.attempts, worker, cause);
            task.state = TaskState::Failed {
                reason,
                at: cx.now(),
            };
            end_leases_on(cx, &mut task)?;
        }
    }
    cx.update_task(before, &task)?;
    Ok(true)
}

/// How many attempts a task allows: at least two, since no single owner may fail a task.
fn allowed_attempts(task: &Task) -> u32 {
    task.max_attempts.max(2)
}

/// How many losses of one owner are attempts: fewer than the task allows.
fn counted_losses(task: &Task) -> u32 {
    MAX_LOSSES_PER_OWNER.min(allowed_attempts(task) - 1)
}

/// Counts a lost lease, and returns how often the worker or its owner has lost the task now.
fn count_loss(
    cx: &mut Context<'_>,
    id: TaskId,
    worker: &WorkerId,
    owner: Option<OwnerId>,
) -> Result<u32, TransactionError> {
    let losses = cx.tx.losses(id)?;
    let before = losses.iter().find(|loss| loss.worker == *worker);
    let count = before.map_or(0, |loss| loss.count).saturating_add(1);
    let lost = LossRow::count_of(&losses, worker, owner.as_ref()).saturating_add(1);
    cx.tx
        .put_loss(id, &LossRow::new(worker.clone(), owner, count))?;
    Ok(lost)
}

/// Why a task fails with its last attempt, which `worker` lost for `cause`.
fn attempts_exhausted(attempts: u32, worker: &WorkerId, cause: &str) -> String {
    bounded_reason(format!(
        "{attempts} attempts were lost, the last by {worker}: {cause}"
    ))
}

/// Cuts a reason to [`MAX_REASON_BYTES`], between characters.
pub(super) fn bounded_reason(mut reason: String) -> String {
    if reason.len() > MAX_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_cut_between_characters() {
        let cut = bounded_reason("é".repeat(400));
        assert_eq!(cut.len(), MAX_REASON_BYTES);
        let cut = bounded_reason(format!("x{}", "é".repeat(400)));
        assert_eq!(cut.len(), MAX_REASON_BYTES - 1);
        assert!(cut.chars().skip(1).all(|c| c == 'é'));
    }
}
