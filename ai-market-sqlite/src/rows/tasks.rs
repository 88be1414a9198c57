use ai_market_core::id::{IdempotencyKey, Reference};
use ai_market_core::store::ClaimKey;
use ai_market_core::task::{Params, Task, TaskState};

use crate::data::{micros, state_number, status_number, tags_json, unknown_state};
use crate::error::Error;
use crate::sql::statements::{
    CloseTask, InsertInput, InsertKey, InsertOutcome, InsertTask, InsertText, UpdateTask,
    UpdateTaskAndStatus,
};
use crate::writer::Session;

/// A place among the claimable tasks as the column holds it, which rises in the order of handing out.
fn rank(claim: Option<ClaimKey>) -> Option<i64> {
    claim.map(|key| -i64::from(key.priority()))
}

impl Session {
    /// Writes a new task.
    pub(crate) fn write_new_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<(), Error> {
        let (text, salt) = (&*task.text, task.salt.as_ref().map(<[u8; 16]>::as_slice));
        let described = task.params.is_some() || task.reference.is_some() || !task.tags.is_empty();
        if !described && task.client.is_none() {
            self.db.execute::<InsertText>((text, salt))?;
        } else {
            self.db.execute::<InsertInput>((
                text,
                salt,
                task.params.as_ref().map(Params::as_str),
                task.reference.as_ref().map(Reference::as_str),
                tags_json(&task.tags)?.as_deref(),
                task.client.as_ref().map(|client| client.as_str()),
            ))?;
        }
        self.db.execute::<InsertTask>((
            task.id,
            &task.task_type,
            micros(task.created_at),
            i64::from(task.required_submissions),
            i64::from(task.wanted),
            i64::from(task.max_submissions),
            i64::from(task.max_attempts),
            -i64::from(task.priority),
            rank(claim),
            task.deadline.map(micros),
            i64::from(task.distinct_models),
        ))?;
        if let Some(name) = name {
            self.db.execute::<InsertKey>((name, task.id))?;
        }
        let untouched = task.attempts == 0 && task.submission_count == 0 && task.lease_count == 0;
        if untouched && task.state == TaskState::Open {
            return Ok(());
        }
        self.write_task(task, claim)
    }

    /// Writes what changed of a task that was open before.
    pub(crate) fn write_task(&mut self, task: &Task, claim: Option<ClaimKey>) -> Result<(), Error> {
        let counts = (
            i64::from(task.wanted),
            i64::from(task.attempts),
            i64::from(task.submission_count),
        );
        let (at, outcome) = match &task.state {
            TaskState::Open => {
                let (leases, rank) = (i64::from(task.lease_count), rank(claim));
                if self.has_status(task) {
                    let row = (counts.0, counts.1, counts.2, leases, rank, task.id);
                    self.db.change::<UpdateTask>("a task", row)?;
                } else {
                    let status = status_number(task.status());
                    let row = (counts.0, counts.1, counts.2, leases, rank, status, task.id);
                    self.db.change::<UpdateTaskAndStatus>("a task", row)?;
                }
                self.remember_status(task);
                return Ok(());
            }
            TaskState::Finalized {
                label,
                agreement,
                policy,
                at,
            } => {
                let row = (
                    Some(label.as_str()),
                    Some(agreement.get()),
                    Some(policy.as_str()),
                    None,
                );
                (*at, row)
            }
            TaskState::Failed { reason, at } | TaskState::Cancelled { reason, at } => {
                (*at, (None, None, None, Some(reason.as_str())))
            }
            _ => return Err(unknown_state()),
        };
        self.db.execute::<InsertOutcome>(outcome)?;
        let row = (
            counts.0,
            counts.1,
            counts.2,
            state_number(&task.state)?,
            status_number(task.status()),
            micros(at),
            task.id,
        );
        self.db.change::<CloseTask>("a task", row)
    }
}
