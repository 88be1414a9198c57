use crate::store::{Needs, TransactionError};

use super::lease_end::{LeaseEnd, bounded_reason, end_lease};
use super::operation::Operation;
use super::{ClaimFrontier, Context, LeaseScope, Release, ReleaseReason, Report};

impl Operation for Release {
    /// How many leases the worker held and holds no longer.
    type Outcome = u64;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        match &self.scope {
            LeaseScope::Named(tasks) => Needs::new()
                .with_tasks(tasks.iter().copied())
                .with_workers([self.worker.clone()]),
            LeaseScope::AllOf => Needs::new().with_holder(self.worker.clone()),
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<u64>, TransactionError> {
        let worker = &self.worker;
        cx.seen(worker)?;
        let reason;
        let end = match &self.reason {
            ReleaseReason::Returned => LeaseEnd::Returned,
            ReleaseReason::Failed(said) => {
                reason = bounded_reason(said.clone());
                LeaseEnd::Failed(&reason)
            }
        };
        let tasks = match &self.scope {
            LeaseScope::Named(tasks) => tasks.clone(),
            LeaseScope::AllOf => {
                let held = cx.tx.leases_held(worker)?;
                held.into_iter().map(|(task, _)| task).collect()
            }
        };
        let mut released = 0;
        for id in tasks {
            let Some(held) = cx.tx.lease(id, worker)? else {
                continue;
            };
            let foreign = self.instance.is_some()
                && held.instance.is_some()
                && self.instance != held.instance;
            if !foreign && end_lease(cx, id, worker, end)? {
                released += 1;
            }
        }
        Ok(Some(released))
    }

    fn report<'a>(&'a self, _outcome: &'a u64) -> Report<'a> {
        Report::Other
    }
}
