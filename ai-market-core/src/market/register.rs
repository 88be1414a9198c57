use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::Event;
use crate::id::TaskType;
use crate::store::{Absence, Counter, Needs, TransactionError, WorkerProfile, WorkerRow};
use crate::time::Timestamp;

use super::lease_end::{LeaseEnd, end_lease};
use super::operation::Operation;
use super::{ClaimFrontier, Context, Report};

/// A worker registers.
pub(super) struct Register {
    profile: WorkerProfile,
    /// Whether tasks may be for the worker now that were not before.
    widened: bool,
}

impl Register {
    pub(super) const fn new(profile: WorkerProfile) -> Self {
        Self {
            profile,
            widened: false,
        }
    }
}

impl Operation for Register {
    type Outcome = ();

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_holder(self.profile.worker.clone())
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<()>, TransactionError> {
        let mut profile = self.profile.clone();
        let worker = profile.worker.clone();
        let event = Event::WorkerRegistered {
            worker: worker.clone(),
            task_types: profile.capabilities.clone(),
        };
        let Some(row) = cx.seen(&worker)? else {
            self.widened = false;
            cx.tx.put_worker(&Arc::new(WorkerRow::new(profile)))?;
            count_capable(cx, &BTreeSet::new(), &self.profile.capabilities)?;
            cx.count(&Counter::Workers, 1)?;
            cx.log(event)?;
            return Ok(Some(()));
        };
        let known = &row.profile;
        if profile.instance.is_none() {
            profile.instance.clone_from(&known.instance);
        }
        self.widened = profile.owner != known.owner
            || profile.model != known.model
            || profile.models != known.models;
        if profile != **known {
            let present = WorkerRow::clone(&row).with_absence(Absence::Present);
            cx.tx.put_worker(&Arc::new(present.with_profile(profile)))?;
            count_capable(cx, &known.capabilities, &self.profile.capabilities)?;
            cx.log(event)?;
        }
        if self.profile.instance.is_some() {
            for (task, held) in cx.tx.leases_held(&worker)? {
                if held.instance.is_some() && held.instance != self.profile.instance {
                    end_lease(cx, task, &worker, LeaseEnd::Restarted)?;
                }
            }
        }
        Ok(Some(()))
    }

    fn remember(&mut self, frontier: &mut ClaimFrontier, _now: Timestamp) {
        if self.widened {
            frontier.forget(&self.profile.worker);
        }
    }

    fn report<'a>(&'a self, (): &'a ()) -> Report<'a> {
        Report::Registered
    }
}

/// Counts who can do which types.
fn count_capable(
    cx: &mut Context<'_>,
    before: &BTreeSet<TaskType>,
    now: &BTreeSet<TaskType>,
) -> Result<(), TransactionError> {
    for task_type in before.difference(now) {
        cx.count(&Counter::Capable(task_type.clone()), -1)?;
    }
    for task_type in now.difference(before) {
        cx.count(&Counter::Capable(task_type.clone()), 1)?;
    }
    Ok(())
}
