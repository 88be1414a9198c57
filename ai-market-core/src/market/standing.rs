use std::collections::BTreeSet;

use crate::consensus::{RecordChange, Standing, StandingCause, StandingEntry, TrackRecord};
use crate::event::Event;
use crate::id::{TaskType, WorkerId};
use crate::store::{Addition, Needs, TransactionError};

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
    let standings = cx.tx.standings(worker)?;
    let policy = cx.policies().standing();
    let Some(entry) = standings.assess(task_type, policy, record, prior, cx.now()) else {
        return Ok(());
    };
    // Hardly any decision changes a standing, so a step does not ask for what that needs beforehand.
    // One step may decide many tasks; it asks once for what all of them lack.
    let changed = set_judged(cx, task_type, worker, entry.as_ref());
    cx.defer_missing(changed)
}

fn set_judged(
    cx: &mut Context<'_>,
    task_type: &TaskType,
    worker: &WorkerId,
    entry: Option<&StandingEntry>,
) -> Result<(), TransactionError> {
    let suspended = entry.is_some_and(|entry| entry.standing.is_suspended());
    if suspended {
        // Brings the worker as well.
        cx.tx.leases_held(worker)?;
    }
    let event = Event::standing(worker.clone(), Some(task_type.clone()), entry);
    cx.tx.set_standing(worker, Some(task_type), entry)?;
    cx.log_effect(event)?;
    if suspended {
        return_all(cx, worker, Some(task_type))?;
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
        if cx.tx.profile(worker)?.is_none() {
            return Ok(Some(false));
        }
        match &self.ruling {
            Ruling::Suspend(reason) => {
                let reason = bounded_reason(reason.clone());
                let standing = Standing::Suspended { reason };
                let entry = StandingEntry::new(standing, StandingCause::Hand, cx.now());
                let event = Event::standing(worker.clone(), task_type.cloned(), Some(&entry));
                cx.tx.set_standing(worker, task_type, Some(&entry))?;
                cx.log_effect(event)?;
                return_all(cx, worker, task_type)?;
            }
            Ruling::Reinstate => {
                reinstate(cx, worker, task_type)?;
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
    worker: &WorkerId,
    task_type: Option<&TaskType>,
) -> Result<(), TransactionError> {
    let types: BTreeSet<TaskType> = match task_type {
        Some(of) => {
            cx.tx.set_standing(worker, Some(of), None)?;
            BTreeSet::from([of.clone()])
        }
        None => {
            let known = cx.tx.standings(worker)?;
            for (of, _) in known.iter() {
                cx.tx.set_standing(worker, of, None)?;
            }
            cx.tx.record_types(worker)?.into_iter().collect()
        }
    };
    for task_type in &types {
        if !cx.tx.record(task_type, worker)?.total().is_zero() {
            cx.tx.add(Addition::Record {
                worker,
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
