use std::num::NonZeroU32;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::TaskId;
use ai_market_core::task::{NewTask, Task, TaskDetails, TaskState, TaskStatus};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::TaskById;

use super::{count, name, time};

type Head = (
    (i64, i64, i64, i64, i64, i64),
    (i64, i64, i64, i64, Option<i64>, String, i64),
);
type Tail = (
    String,
    Option<i64>,
    Option<String>,
    Option<f64>,
    Option<String>,
    Option<String>,
);

fn positive(what: &'static str, n: i64) -> Result<NonZeroU32, Error> {
    let n: u32 = count(what, n)?;
    NonZeroU32::new(n).ok_or_else(|| Error::corrupt(what, "it is zero"))
}

fn state(number: i64, tail: Tail) -> Result<TaskState, Error> {
    let (_, closed_at, label, agreement, policy, reason) = tail;
    match (number, closed_at, label, agreement, policy, reason) {
        (0, ..) => Ok(TaskState::Open),
        (1, Some(at), Some(label), Some(agreement), Some(policy), _) => Ok(TaskState::Finalized {
            label: name("a final label", label)?,
            agreement: Confidence::new(agreement)
                .map_err(|error| Error::corrupt("an agreement", error))?,
            policy: name("the name of a policy", policy)?,
            at: time(at),
        }),
        (2, Some(at), _, _, _, Some(reason)) => Ok(TaskState::Failed {
            reason,
            at: time(at),
        }),
        _ => Err(Error::corrupt(
            "the end of a task",
            "its parts do not fit together",
        )),
    }
}

/// The number by which the database knows how far a task is.
pub(crate) fn state_number(state: &TaskState) -> Result<i64, Error> {
    match state {
        TaskState::Open => Ok(0),
        TaskState::Finalized { .. } => Ok(1),
        TaskState::Failed { .. } => Ok(2),
        _ => Err(unknown_state()),
    }
}

/// A state that core has added since.
pub(crate) fn unknown_state() -> Error {
    Error::corrupt("the state of a task", "there is no column for it")
}

fn task(id: TaskId, head: Head, mut tail: Tail) -> Result<Task, Error> {
    let (
        (created_at, required, wanted, max_submissions, max_attempts, attempts),
        (rank, submission_count, lease_count, number, deadline, task_type, distinct),
    ) = head;
    let text = std::mem::take(&mut tail.0);
    let mut new = NewTask::new(id, text);
    new.task_type = name("a task type", task_type)?;
    new.required_submissions = positive("a number of votes", required)?;
    new.wanted = positive("a number of votes", wanted)?;
    new.max_submissions = positive("a number of votes", max_submissions)?;
    new.max_attempts = positive("a number of attempts", max_attempts)?;
    new.priority = count("a priority", -rank)?;
    new.deadline = deadline.map(time);
    new.distinct_models = distinct != 0;
    let mut task = Task::create(new, time(created_at));
    task.attempts = count("a number of attempts", attempts)?;
    task.submission_count = count("a number of votes", submission_count)?;
    task.lease_count = count("a number of leases", lease_count)?;
    task.state = state(number, tail)?;
    Ok(task)
}

impl Connection {
    /// A task, with its text and how it ended.
    pub(crate) fn task(&mut self, id: TaskId) -> Result<Option<Task>, Error> {
        self.row::<TaskById, (Head, Tail), _>((id,))?
            .map(|(head, tail)| task(id, head, tail))
            .transpose()
    }

    /// A task with its votes and leases.
    pub(crate) fn details(&mut self, id: TaskId) -> Result<Option<TaskDetails>, Error> {
        let Some(task) = self.task(id)? else {
            return Ok(None);
        };
        let votes = self.votes_on(id)?;
        let leases = if task.lease_count > 0 {
            self.leases_on(id)?
        } else {
            Vec::new()
        };
        Ok(Some(TaskDetails::new(task, votes, leases)))
    }
}

/// The number by which the counters know a status.
pub(crate) const fn status_number(status: TaskStatus) -> i64 {
    match status {
        TaskStatus::Queued => 0,
        TaskStatus::Assigned => 1,
        TaskStatus::Finalized => 2,
        TaskStatus::Failed => 3,
    }
}

/// The status that the counters know by a number.
pub(crate) fn status_of(number: i64) -> Result<TaskStatus, Error> {
    TaskStatus::ALL
        .into_iter()
        .find(|status| status_number(*status) == number)
        .ok_or_else(|| Error::corrupt("a counter", format!("{number} is no status")))
}
