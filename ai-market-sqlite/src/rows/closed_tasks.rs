use ai_market_core::id::{TaskId, TaskType};
use ai_market_core::store::{ClosedQuery, ClosedTask};
use ai_market_core::task::TaskStatus;

use crate::data::{count, limit, name, status_number, task_id, time};
use crate::error::Error;
use crate::sql::statements::{
    ClosedTaskRows, ClosedTasks, DeleteInput, DeleteKey, DeleteLeasesOn, DeleteLossesOf,
    DeleteOutcome, DeleteTask, DeleteVotesOn, KeyOf,
};
use crate::writer::Session;

impl Session {
    /// A page of closed tasks, of which the first ones of each status make the page.
    pub(crate) fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>, Error> {
        let after = query.after.map_or([0; 16], |id| *id.as_bytes());
        let mut tasks = Vec::new();
        for status in TaskStatus::ALL {
            if status.is_open() {
                continue;
            }
            let binds = (
                status_number(status),
                after.as_slice(),
                query.before,
                limit(query.limit),
            );
            type Row = (Vec<u8>, String, i64, i64);
            for (id, of, closed_at, votes) in self.db.rows::<ClosedTasks, Row, _>(binds)? {
                let of: TaskType = name("a task type", of)?;
                let votes = count("a number of votes", votes)?;
                tasks.push(ClosedTask::new(
                    task_id(&id)?,
                    of,
                    status,
                    time(closed_at),
                    votes,
                ));
            }
        }
        tasks.sort_unstable_by_key(|task| task.id);
        tasks.truncate(query.limit);
        Ok(tasks)
    }

    /// Deletes a closed task with what belongs to it, children before parents.
    pub(crate) fn delete_task(&mut self, id: TaskId) -> Result<bool, Error> {
        let row = self
            .db
            .row::<ClosedTaskRows, (i64, i64, bool, bool), _>((id,))?;
        let Some((input, outcome, leased, lost)) = row else {
            return Ok(false);
        };
        self.db.execute::<DeleteVotesOn>((id,))?;
        if leased {
            self.db.execute::<DeleteLeasesOn>((id,))?;
        }
        if lost {
            self.db.execute::<DeleteLossesOf>((id,))?;
        }
        if let Some((key,)) = self.db.row::<KeyOf, (String,), _>((id,))? {
            self.db.change::<DeleteKey>("a key", (key.as_str(),))?;
        }
        self.db.change::<DeleteTask>("a task", (id,))?;
        self.db.change::<DeleteInput>("an input", (input,))?;
        self.db.change::<DeleteOutcome>("an outcome", (outcome,))?;
        Ok(true)
    }
}
