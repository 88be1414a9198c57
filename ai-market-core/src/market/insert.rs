use crate::store::{Needs, TransactionError};
use crate::task::{NewTask, Task};

use super::context::inconsistent;
use super::operation::Operation;
use super::{ClaimFrontier, Context, Insert, InsertOutcome, Report};

impl Operation for Insert {
    type Outcome = Vec<InsertOutcome>;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        let names = self.tasks.iter();
        let names = names.filter_map(|task| task.idempotency_key.clone());
        Needs::new()
            .with_tasks(self.tasks.iter().map(|task| task.id))
            .with_names(names)
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Self::Outcome>, TransactionError> {
        let tasks = self.tasks.iter();
        let outcomes = tasks.map(|task| insert(cx, task, self.max_open));
        Ok(Some(outcomes.collect::<Result<_, _>>()?))
    }

    fn report<'a>(&'a self, outcome: &'a Self::Outcome) -> Report<'a> {
        let types = self.tasks.iter().map(|task| &task.task_type);
        Report::Inserted(types.zip(outcome.iter().copied()).collect())
    }
}

/// Puts one task in, unless it is there or `max_open` tasks are open.
fn insert(
    cx: &mut Context<'_>,
    new: &NewTask,
    max_open: u64,
) -> Result<InsertOutcome, TransactionError> {
    if cx.tx.task(new.id)?.is_some() {
        return Ok(InsertOutcome::Existing(new.id));
    }
    if let Some(name) = &new.idempotency_key
        && let Some(id) = cx.tx.task_named(name)?
    {
        let there = cx.tx.task(id)?;
        let there = there.ok_or_else(|| inconsistent("a named task is not there"))?;
        return Ok(if asks_the_same(new, &there) {
            InsertOutcome::Existing(id)
        } else {
            InsertOutcome::Conflict(id)
        });
    }
    if cx.tx.open_tasks()? >= max_open {
        return Ok(InsertOutcome::Full);
    }
    let task = Task::create(new.clone(), cx.now());
    cx.insert_task(&task, new.idempotency_key.as_ref())?;
    Ok(InsertOutcome::Created(new.id))
}

/// Whether a task that has the same name asks the same thing.
fn asks_the_same(new: &NewTask, there: &Task) -> bool {
    new.text == there.text && new.task_type == there.task_type && new.params == there.params
}
