use std::collections::BTreeSet;
use std::num::NonZeroU32;

use ai_market_core::assignment::Lease;
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Tag, TaskId};
use ai_market_core::task::{Task, TaskDetails, TaskState, TaskStatus};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{LeasesOn, TaskById};

use super::counter::SERVING_TYPE;
use super::{LeaseColumns, count, from_json, json, name, time};

type Head = (
    (i64, i64, i64, i64, i64, i64),
    (i64, i64, i64, i64, Option<i64>, String, i64),
);
type Input = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Vec<u8>>,
);
type Tail = (
    String,
    Option<i64>,
    Option<String>,
    Option<f64>,
    Option<String>,
    Option<String>,
);

fn positive(what: &'static str, n: i64) -> Result<u32, Error> {
    let n: u32 = count(what, n)?;
    NonZeroU32::new(n)
        .map(NonZeroU32::get)
        .ok_or_else(|| Error::corrupt(what, "it is zero"))
}

/// Tags as the database holds them.
pub(crate) fn tags_json(tags: &BTreeSet<Tag>) -> Result<Option<String>, Error> {
    if tags.is_empty() {
        return Ok(None);
    }
    json("the tags of a task", tags).map(Some)
}

fn set_input(task: &mut Task, input: Input) -> Result<(), Error> {
    let (params, reference, tags, client, salt) = input;
    if let Some(params) = params {
        task.params = Some(from_json("the params of a task", &params)?);
    }
    if let Some(reference) = reference {
        task.reference = Some(name("the reference of a task", reference)?);
    }
    if let Some(tags) = tags {
        task.tags = from_json("the tags of a task", &tags)?;
    }
    if let Some(client) = client {
        task.client = Some(name("the client of a task", client)?);
    }
    let salt = salt.as_deref().map(<[u8; 16]>::try_from).transpose();
    task.salt = salt.map_err(|error| Error::corrupt("the salt of a task", error))?;
    Ok(())
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
        (3, Some(at), _, _, _, Some(reason)) => Ok(TaskState::Cancelled {
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
        TaskState::Cancelled { .. } => Ok(3),
        _ => Err(unknown_state()),
    }
}

/// A state that core has added since.
pub(crate) fn unknown_state() -> Error {
    Error::corrupt("the state of a task", "there is no column for it")
}

fn task(id: TaskId, head: Head, input: Input, mut tail: Tail) -> Result<Task, Error> {
    let (
        (created_at, required, wanted, max_submissions, max_attempts, attempts),
        (rank, submission_count, lease_count, number, deadline, task_type, distinct),
    ) = head;
    let text = std::mem::take(&mut tail.0);
    let mut task = Task::restore(id, text, time(created_at));
    task.task_type = name("a task type", task_type)?;
    task.required_submissions = positive("a number of votes", required)?;
    task.wanted = positive("a number of votes", wanted)?;
    task.max_submissions = positive("a number of votes", max_submissions)?;
    task.max_attempts = positive("a number of attempts", max_attempts)?;
    task.priority = count("a priority", -rank)?;
    task.deadline = deadline.map(time);
    task.distinct_models = distinct != 0;
    set_input(&mut task, input)?;
    task.attempts = count("a number of attempts", attempts)?;
    task.submission_count = count("a number of votes", submission_count)?;
    task.lease_count = count("a number of leases", lease_count)?;
    task.state = state(number, tail)?;
    Ok(task)
}

impl Connection {
    /// A task, with its text and how it ended.
    pub(crate) fn task(&mut self, id: TaskId) -> Result<Option<Task>, Error> {
        self.row::<TaskById, (Head, Input, Tail), _>((id,))?
            .map(|(head, input, tail)| task(id, head, input, tail))
            .transpose()
    }

    /// A task with its votes and leases.
    pub(crate) fn details(&mut self, id: TaskId) -> Result<Option<TaskDetails>, Error> {
        let Some(task) = self.task(id)? else {
            return Ok(None);
        };
        let votes = self.votes_on(id)?;
        let leases = if task.state == TaskState::Open {
            self.shown_leases(id)?
        } else {
            Vec::new()
        };
        let able = match task.state {
            TaskState::Open => Some(self.counter_of(SERVING_TYPE, &task.task_type)?),
            _ => None,
        };
        let mut details = TaskDetails::new(task, votes, leases);
        details.able_workers = able;
        Ok(Some(details))
    }
}

impl Connection {
    /// The leases on an open task as they are shown, in the order in which they were claimed.
    fn shown_leases(&mut self, id: TaskId) -> Result<Vec<Lease>, Error> {
        let mut rows = self.rows::<LeasesOn, (i64, LeaseColumns), _>((id,))?;
        rows.sort_unstable_by_key(|row| row.0);
        let leases = rows
            .into_iter()
            .map(|(_, ((worker, claimed_at, until), _))| {
                let worker = name("a worker id", worker)?;
                Ok(Lease::new(worker, time(claimed_at), time(until)))
            });
        leases.collect()
    }
}

/// The number by which the counters know a status.
pub(crate) const fn status_number(status: TaskStatus) -> i64 {
    match status {
        TaskStatus::Queued => 0,
        TaskStatus::Assigned => 1,
        TaskStatus::Finalized => 2,
        TaskStatus::Failed => 3,
        TaskStatus::Cancelled => 4,
    }
}

/// The status that the counters know by a number.
pub(crate) fn status_of(number: i64) -> Result<TaskStatus, Error> {
    TaskStatus::ALL
        .into_iter()
        .find(|status| status_number(*status) == number)
        .ok_or_else(|| Error::corrupt("a counter", format!("{number} is no status")))
}
