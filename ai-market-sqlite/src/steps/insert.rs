use ai_market_core::event::Event;
use ai_market_core::store::InsertOutcome;
use ai_market_core::task::{NewTask, Task};
use ai_market_core::time::Timestamp;

use crate::data::{micros, task_id};
use crate::error::Error;
use crate::sql::statements::{InsertInput, InsertKey, InsertTask, TaskByKey, TaskExists};
use crate::writer::Session;

impl Session {
    /// Puts one task in, unless `max_open` are open.
    pub(crate) fn insert(
        &mut self,
        new: &NewTask,
        max_open: u64,
        now: Timestamp,
    ) -> Result<InsertOutcome, Error> {
        let id = new.id;
        if self.db.row::<TaskExists, (i64,), _>((id,))?.is_some() {
            return Ok(InsertOutcome::Existing(id));
        }
        if let Some(name) = &new.idempotency_key {
            let there = self
                .db
                .row::<TaskByKey, (Vec<u8>, String, String), _>((name,))?;
            if let Some((there, task_type, text)) = there {
                let there = task_id(&there)?;
                let same = text == *new.text && task_type == new.task_type.as_str();
                return Ok(if same {
                    InsertOutcome::Existing(there)
                } else {
                    InsertOutcome::Conflict(there)
                });
            }
        }
        if self.open_tasks()? >= max_open {
            return Ok(InsertOutcome::Full);
        }
        let text: &str = &new.text;
        self.db.execute::<InsertInput>((text,))?;
        let task = Task::create(new.clone(), now);
        self.db.execute::<InsertTask>((
            id,
            &task.task_type,
            micros(task.created_at),
            i64::from(task.required_submissions),
            i64::from(task.wanted),
            i64::from(task.max_submissions),
            i64::from(task.max_attempts),
            -i64::from(task.priority),
            task.deadline.map(micros),
            i64::from(task.distinct_models),
        ))?;
        if let Some(name) = &new.idempotency_key {
            self.db.execute::<InsertKey>((name, id))?;
        }
        self.note_created(&task);
        self.log(Event::created(&task), now);
        Ok(InsertOutcome::Created(id))
    }
}
