use std::sync::Arc;

use crate::consensus::{
    RecordChange, Standing, StandingCause, StandingEntry, Standings, TrackRecord,
};
use crate::event::Event;
use crate::id::{TaskType, WorkerId};
use crate::store::{Addition, Needs, TransactionError, WorkerRow};

use super::lease_end::{LeaseEnd, bounded_reason, end_lease};
use super::operation::Operation;
use super::{ClaimFrontier, Context, Report, Ruling, StandingChange};

/// Asks how far a worker is trusted with tasks of a type, now that its track record changed.
pub(super) fn judge(
    cx: &mut Context<'_>,
    task_type: &TaskType,
    worker: &WorkerId,
    record: &TrackRecord,
    prior: &TrackRecord,
) -> Result<(), TransactionError> {
    let Some(row) = cx.tx.worker(worker)? else {
        return Ok(());
    };
    let policy = cx.policies().standing();
    let Some(entry) = row
        .standings
        .assess(task_type, policy, record, prior, cx.now())
    else {
        return Ok(());
    };
    // Hardly any decision changes a standing, so a step does not ask for what that needs beforehand.
    // One step may decide many tasks; it asks once for what all of them lack.
    let changed = set_standing(cx, &row, Some(task_type), entry);
    cx.defer_missing(changed)
}

/// Counts what workers lost in a step, and asks how far they are trusted now. What one lost in one
/// step is one loss: a machine that is switched off loses all its leases together.
pub(super) fn judge_losses(cx: &mut Context<'_>) -> Result<(), TransactionError> {
    for (worker, task_type) in std::mem::take(&mut cx.losers) {
        let judged = judge_loss(cx, &worker, &task_type);
        cx.defer_missing(judged)?;
    }
    Ok(())
}

fn judge_loss(
    cx: &mut Context<'_>,
    worker: &WorkerId,
    task_type: &TaskType,
) -> Result<(), TransactionError> {
    let change = RecordChange::loss();
    let mut record = cx.tx.record(task_type, Some(worker))?;
    let mut prior = cx.tx.record(task_type, None)?;
    record.apply(&change);
    prior.apply(&change);
    for worker in [Some(worker), None] {
        cx.tx.add(Addition::Record {
            worker,
            task_type,
            change: &change,
        })?;
    }
    judge(cx, task_type, worker, &record, &prior)
}

/// Writes and tells how far a worker is trusted. Where it no longer is, its leases are returned.
fn set_standing(
    cx: &mut Context<'_>,
    row: &WorkerRow,
    task_type: Option<&TaskType>,
    entry: Option<StandingEntry>,
) -> Result<(), TransactionError> {
    let worker = row.id();
    let event = Event::standing(worker.clone(), task_type.cloned(), entry.as_ref());
    let suspended = entry
        .as_ref()
        .is_some_and(|entry| entry.standing.is_suspended());
    if suspended {
        // Brings the worker as well.
        cx.tx.leases_held(worker)?;
    }
    let row = row.clone().with_standing(task_type, entry);
    cx.tx.put_worker(&Arc::new(row))?;
    cx.log_effect(event)?;
    if suspended {
        return_all(cx, worker, task_type)?;
    }
    Ok(())
}

impl Operation for StandingChange {
    /// Whether the worker is known.
    type Outcome = bool;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_holder(self.worker.clone())
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>, TransactionError> {
        let (worker, task_type) = (&self.worker, self.task_type.as_ref());
        let Some(row) = cx.tx.worker(worker)? else {
            return Ok(Some(false));
        };
        match &self.ruling {
            Ruling::Suspend(reason) => {
                let reason = bounded_reason(reason.clone());
                let standing = Standing::Suspended { reason };
                let entry = StandingEntry::new(standing, StandingCause::Hand, cx.now());
                set_standing(cx, &row, task_type, Some(entry))?;
            }
            Ruling::Reinstate => {
                reinstate(cx, &row, task_type)?;
                let event = Event::standing(worker.clone(), task_type.cloned(), None);
                cx.log_effect(event)?;
            }
        }
        Ok(Some(true))
    }

    fn report<'a>(&'a self, _outcome: &'a bool) -> Report<'a> {
        Report::Other
    }
}

/// Makes a worker active again, and judges it only by what comes from now on.
fn reinstate(
    cx: &mut Context<'_>,
    row: &WorkerRow,
    task_type: Option<&TaskType>,
) -> Result<(), TransactionError> {
    let worker = row.id();
    let (types, row) = match task_type {
        Some(of) => {
            let row = row.clone().with_standing(task_type, None);
            (vec![of.clone()], row)
        }
        None => {
            let mut row = row.clone();
            row.standings = Standings::default();
            (cx.tx.record_types(worker)?, row)
        }
    };
    cx.tx.put_worker(&Arc::new(row))?;
    for task_type in &types {
        let record = cx.tx.record(task_type, Some(worker))?;
        if !record.total().is_zero() || !record.losses.is_zero() {
            cx.tx.add(Addition::Record {
                worker: Some(worker),
                task_type,
                change: &RecordChange::forgiveness(),
            })?;
        }
    }
    Ok(())
}

/// Ends the leases of a worker, or those on tasks of one type, as returned.
fn return_all(
    cx: &mut Context<'_>,
    worker: &WorkerId,
    task_type: Option<&TaskType>,
) -> Result<(), TransactionError> {
    for (id, _) in cx.tx.leases_held(worker)? {
        let ends = match task_type {
            None => true,
            Some(_) => {
                let task = cx.tx.task(id)?;
                task.is_some_and(|task| Some(&task.task_type) == task_type)
            }
        };
        if ends {
            end_lease(cx, id, worker, LeaseEnd::Suspended)?;
        }
    }
    Ok(())
}
