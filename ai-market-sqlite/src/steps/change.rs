use ai_market_core::event::Event;
use ai_market_core::store::{ClaimKey, Effects};
use ai_market_core::task::{Task, TaskState, TaskStatus};

use crate::data::{micros, state_number, unknown_state};
use crate::error::Error;
use crate::sql::statements::{CloseTask, InsertOutcome, UpdateTask};
use crate::writer::{CounterKey, Session};

/// What the counters and the frontier see of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    status: TaskStatus,
    replicas: u32,
    wanted: u32,
}

impl Seen {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            status: task.status(),
            replicas: task.claimable_replicas(),
            wanted: task.wanted,
        }
    }
}

impl Session {
    /// Counts a task that is new.
    pub(super) fn note_created(&mut self, task: &Task) {
        let now = Seen::of(task);
        self.count(CounterKey::Tasks(task.task_type.clone(), now.status), 1);
        if now.replicas > 0 {
            self.count(CounterKey::Claimable(task.task_type.clone(), now.wanted), 1);
        }
        self.frontier.opened(&task.task_type, key(task));
    }

    /// Keeps counters and frontier in step with a change of a task.
    ///
    /// Replicas that became claimable, and the end of the task, go to `effects`, and the latter to the
    /// log. Called after every change, also where several are written at once, since each has its
    /// own effects.
    pub(super) fn note_change(&mut self, before: Seen, task: &Task, effects: &mut Effects) -> Seen {
        let now = Seen::of(task);
        let task_type = &task.task_type;
        if before.status != now.status {
            self.count(CounterKey::Tasks(task_type.clone(), before.status), -1);
            self.count(CounterKey::Tasks(task_type.clone(), now.status), 1);
        }
        if before.status.is_open()
            && let Some((event, at)) = Event::closed(task).zip(task.decided_at())
        {
            self.tell(event, at, effects);
        }
        let (was, is) = (before.replicas > 0, now.replicas > 0);
        if was != is || before.wanted != now.wanted {
            if was {
                self.count(CounterKey::Claimable(task_type.clone(), before.wanted), -1);
            }
            if is {
                self.count(CounterKey::Claimable(task_type.clone(), now.wanted), 1);
            }
        }
        if now.replicas > before.replicas {
            effects.free(task_type, now.replicas - before.replicas);
            self.frontier.opened(task_type, key(task));
        }
        now
    }

    /// Writes what changed of a task that was open before.
    pub(super) fn save(&mut self, task: &Task) -> Result<(), Error> {
        let counts = (
            i64::from(task.wanted),
            i64::from(task.attempts),
            i64::from(task.submission_count),
        );
        let (at, outcome) = match &task.state {
            TaskState::Open => {
                self.db.execute::<UpdateTask>((
                    counts.0,
                    counts.1,
                    counts.2,
                    i64::from(task.lease_count),
                    task.id,
                ))?;
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
            TaskState::Failed { reason, at } => (*at, (None, None, None, Some(reason.as_str()))),
            _ => return Err(unknown_state()),
        };
        self.db.execute::<InsertOutcome>(outcome)?;
        let closed = self.db.execute::<CloseTask>((
            counts.0,
            counts.1,
            counts.2,
            state_number(&task.state)?,
            micros(at),
            task.id,
        ))?;
        if closed == 1 {
            Ok(())
        } else {
            // A fault of the store: every step looks at the state before it closes a task.
            Err(Error::corrupt("a task", "it was closed before"))
        }
    }
}

pub(super) fn key(task: &Task) -> ClaimKey {
    ClaimKey::new(task.priority, task.id)
}
