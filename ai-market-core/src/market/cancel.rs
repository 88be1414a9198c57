use crate::store::{Needs, TransactionError};
use crate::task::TaskState;

use super::context::TaskSnapshot;
use super::decide::end_leases_on;
use super::lease_end::bounded_reason;
use super::operation::Operation;
use super::{Cancel, CancelOutcome, ClaimFrontier, Context, Report};

impl Operation for Cancel {
    type Outcome = CancelOutcome;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_tasks([self.task])
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<CancelOutcome>, TransactionError> {
        let Some(mut task) = cx.tx.task(self.task)? else {
            return Ok(Some(CancelOutcome::UnknownTask));
        };
        match task.state {
            TaskState::Open => {}
            TaskState::Cancelled { .. } => return Ok(Some(CancelOutcome::Cancelled)),
            TaskState::Finalized { .. } | TaskState::Failed { .. } => {
                return Ok(Some(CancelOutcome::Closed));
            }
        }
        let before = TaskSnapshot::of(&task);
        task.state = TaskState::Cancelled {
            reason: bounded_reason(self.reason.clone()),
            at: cx.now(),
        };
        end_leases_on(cx, &mut task)?;
        cx.update_task(before, &task)?;
        Ok(Some(CancelOutcome::Cancelled))
    }

    fn report<'a>(&'a self, _outcome: &'a CancelOutcome) -> Report<'a> {
        Report::Other
    }
}
