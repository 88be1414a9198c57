use crate::id::TaskId;
use crate::store::{ClosedQuery, Counter, Needs, TransactionError};

use super::operation::Operation;
use super::{ClaimFrontier, Context, Prune, Pruned, Report};

impl Prune {
    /// The tasks to look at. None that was closed before a time was created after it, and ids rise
    /// with the time of creation.
    const fn query(&self, before: TaskId) -> ClosedQuery {
        let query = ClosedQuery::new(before, self.limit);
        match self.after {
            Some(task) => query.after(task),
            None => query,
        }
    }
}

impl Operation for Prune {
    type Outcome = Pruned;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_closed(self.query(TaskId::lowest_at(self.closed_before)))
    }

    /// What workers earned with the tasks, and what was learned of them, stays.
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Pruned>, TransactionError> {
        let query = self.query(TaskId::lowest_at(self.closed_before));
        let closed = cx.tx.closed_tasks(&query)?;
        let mut pruned = Pruned {
            deleted: 0,
            next: (closed.len() == self.limit)
                .then_some(closed.last())
                .flatten()
                .map(|task| task.id),
        };
        for task in closed {
            if task.closed_at >= self.closed_before || !cx.tx.delete_task(task.id)? {
                continue;
            }
            cx.count(&Counter::Tasks(task.task_type, task.status), -1)?;
            cx.count(&Counter::Submissions, -i64::from(task.votes))?;
            pruned.deleted += 1;
        }
        Ok(Some(pruned))
    }

    fn report<'a>(&'a self, outcome: &'a Pruned) -> Report<'a> {
        Report::Pruned(outcome.deleted)
    }
}
