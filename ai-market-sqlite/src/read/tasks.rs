use ai_market_core::id::TaskType;
use ai_market_core::store::{TaskOrder, TaskPage, TaskQuery};
use ai_market_core::task::TaskStatus;

use diesel::SqliteConnection;
use diesel::query_dsl::methods::LoadQuery;

use crate::data::{limit, name, task_id};
use crate::error::Error;
use crate::sql::statements::{
    CountersOf, TasksAfter, TasksAssigned, TasksAssignedBefore, TasksBefore, TasksInState,
    TasksInStateBefore, TasksQueued, TasksQueuedBefore,
};
use crate::sql::{Binds, Bound, Connection, Statement};

/// The bytes of ids.
type Ids = Vec<(Vec<u8>,)>;

/// After every id, which has sixteen bytes.
const END: &[u8] = &[0xff; 17];

impl Connection {
    /// A page of tasks, by age.
    pub(crate) fn page(&mut self, query: &TaskQuery) -> Result<TaskPage, Error> {
        let order = query.order;
        let beginning = match order {
            TaskOrder::Oldest => &[],
            TaskOrder::Newest => END,
        };
        let after = query.after.as_ref().map_or(beginning, |id| id.as_bytes());
        // One beyond the page tells whether there are more.
        let wanted = query.limit.saturating_add(1);
        let at_most = limit(wanted);
        let mut ids = Vec::new();
        if query.status.is_none() && query.task_type.is_none() {
            ids = self.ids::<TasksAfter, TasksBefore, _>(order, (after, at_most))?;
        } else {
            // The index is by type and status, so each type has a page of each status, of which
            // the first ones make the page that is asked for.
            for task_type in self.task_types(query)? {
                let statuses = match &query.status {
                    Some(status) => std::slice::from_ref(status),
                    // Queued and assigned ones are both open, which is a range of its own.
                    None => &[
                        TaskStatus::Finalized,
                        TaskStatus::Failed,
                        TaskStatus::Cancelled,
                    ],
                };
                if query.status.is_none() {
                    let open = (&task_type, 0, after, at_most);
                    ids.extend(self.ids::<TasksInState, TasksInStateBefore, _>(order, open)?);
                }
                for status in statuses {
                    ids.extend(self.ids_in(*status, &task_type, order, after, at_most)?);
                }
            }
            ids.sort_unstable();
            if order == TaskOrder::Newest {
                ids.reverse();
            }
            ids.truncate(wanted);
        }
        let tasks = ids.into_iter().filter_map(|(id,)| {
            let task = task_id(&id).and_then(|id| self.task(id));
            task.transpose()
        });
        TaskPage::fill(query, tasks)
    }

    /// What one of two statements finds, whichever the order asks for.
    fn ids<'query, Up, Down, B>(&mut self, order: TaskOrder, binds: B) -> Result<Ids, Error>
    where
        Up: Statement,
        Down: Statement,
        B: Binds,
        Bound<Up, B>: LoadQuery<'query, SqliteConnection, (Vec<u8>,)>,
        Bound<Down, B>: LoadQuery<'query, SqliteConnection, (Vec<u8>,)>,
    {
        match order {
            TaskOrder::Oldest => self.rows::<Up, _, _>(binds),
            TaskOrder::Newest => self.rows::<Down, _, _>(binds),
        }
    }

    fn ids_in(
        &mut self,
        status: TaskStatus,
        task_type: &TaskType,
        order: TaskOrder,
        after: &[u8],
        at_most: i64,
    ) -> Result<Ids, Error> {
        match status {
            TaskStatus::Queued => {
                let binds = (task_type, after, at_most);
                self.ids::<TasksQueued, TasksQueuedBefore, _>(order, binds)
            }
            TaskStatus::Assigned => {
                let binds = (after, task_type, at_most);
                self.ids::<TasksAssigned, TasksAssignedBefore, _>(order, binds)
            }
            TaskStatus::Finalized | TaskStatus::Failed | TaskStatus::Cancelled => {
                let state = match status {
                    TaskStatus::Finalized => 1_i64,
                    TaskStatus::Failed => 2,
                    _ => 3,
                };
                let binds = (task_type, state, after, at_most);
                self.ids::<TasksInState, TasksInStateBefore, _>(order, binds)
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
