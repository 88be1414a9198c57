use ai_market_core::id::TaskType;
use ai_market_core::store::{TaskPage, TaskQuery};
use ai_market_core::task::TaskStatus;

use crate::data::{limit, name, task_id};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{CountersOf, TasksAfter, TasksAssigned, TasksInState, TasksQueued};

impl Connection {
    /// A page of tasks, oldest first.
    pub(crate) fn page(&mut self, query: &TaskQuery) -> Result<TaskPage, Error> {
        let after: &[u8] = query.after.as_ref().map_or(&[], |id| id.as_bytes());
        // One beyond the page tells whether there are more.
        let wanted = query.limit.saturating_add(1);
        let at_most = limit(wanted);
        let mut ids = Vec::new();
        if query.status.is_none() && query.task_type.is_none() {
            ids = self.rows::<TasksAfter, (Vec<u8>,), _>((after, at_most))?;
        } else {
            // The index is by type and status, so each type has a page of each status, of which
            // the oldest make the page that is asked for.
            for task_type in self.task_types(query)? {
                let statuses = match &query.status {
                    Some(status) => std::slice::from_ref(status),
                    // Queued and assigned ones are both open, which is a range of its own.
                    None => &[TaskStatus::Finalized, TaskStatus::Failed],
                };
                if query.status.is_none() {
                    let open = (&task_type, 0, after, at_most);
                    ids.extend(self.rows::<TasksInState, (Vec<u8>,), _>(open)?);
                }
                for status in statuses {
                    ids.extend(self.ids_in(*status, &task_type, after, at_most)?);
                }
            }
            ids.sort_unstable();
            ids.truncate(wanted);
        }
        let tasks = ids.into_iter().filter_map(|(id,)| {
            let task = task_id(&id).and_then(|id| self.task(id));
            task.transpose()
        });
        TaskPage::fill(query, tasks)
    }

    fn ids_in(
        &mut self,
        status: TaskStatus,
        task_type: &TaskType,
        after: &[u8],
        at_most: i64,
    ) -> Result<Vec<(Vec<u8>,)>, Error> {
        match status {
            TaskStatus::Queued => self.rows::<TasksQueued, _, _>((task_type, after, at_most)),
            TaskStatus::Assigned => self.rows::<TasksAssigned, _, _>((after, task_type, at_most)),
            TaskStatus::Finalized => {
                self.rows::<TasksInState, _, _>((task_type, 1_i64, after, at_most))
            }
            TaskStatus::Failed => {
                self.rows::<TasksInState, _, _>((task_type, 2_i64, after, at_most))
            }
        }
    }

    /// The types that a page may hold.
    fn task_types(&mut self, query: &TaskQuery) -> Result<Vec<TaskType>, Error> {
        if let Some(task_type) = &query.task_type {
            return Ok(vec![task_type.clone()]);
        }
        let rows = self.rows::<CountersOf, (String, i64), _>((0_i64,))?;
        let mut task_types = rows
            .into_iter()
            .map(|(task_type, _)| name("a task type", task_type))
            .collect::<Result<Vec<TaskType>, _>>()?;
        task_types.dedup();
        Ok(task_types)
    }
}
