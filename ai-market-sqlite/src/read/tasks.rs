use ai_market_core::store::{TaskOrder, TaskPage, TaskQuery};
use ai_market_core::task::TaskStatus;

use diesel::SqliteConnection;
use diesel::query_dsl::methods::LoadQuery;

use crate::data::{limit, status_number, task_id};
use crate::error::Error;
use crate::sql::statements::{
    TasksAfter, TasksBefore, TasksByStatus, TasksByStatusBefore, TasksByType, TasksByTypeBefore,
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
        let ids = match (query.status, &query.task_type) {
            (None, None) => self.ids::<TasksAfter, TasksBefore, _>(order, (after, at_most))?,
            (Some(status), None) => {
                let binds = (status_number(status), after, at_most);
                self.ids::<TasksByStatus, TasksByStatusBefore, _>(order, binds)?
            }
            (Some(status), Some(of)) => {
                let binds = (of, status_number(status), after, at_most);
                self.ids::<TasksByType, TasksByTypeBefore, _>(order, binds)?
            }
            (None, Some(of)) => {
                // The first ones of each status make the page.
                let mut ids = Vec::new();
                for status in TaskStatus::ALL {
                    let binds = (of, status_number(status), after, at_most);
                    ids.extend(self.ids::<TasksByType, TasksByTypeBefore, _>(order, binds)?);
                }
                ids.sort_unstable();
                if order == TaskOrder::Newest {
                    ids.reverse();
                }
                ids.truncate(wanted);
                ids
            }
        };
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
}
