use std::collections::BTreeSet;

use ai_market_core::id::TaskType;
use ai_market_core::store::{TaskTypeQuery, TaskTypeSummary};

use crate::data::counter::{MODELS_OF_TYPE, SERVING_TYPE, TASKS, TASKS_OF_TYPE};
use crate::data::{count, limit, name, status_of};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{CountersOf, TypesAfter};

impl Connection {
    /// A page of task types, ordered by name.
    pub(crate) fn task_types(
        &mut self,
        query: &TaskTypeQuery,
    ) -> Result<Vec<TaskTypeSummary>, Error> {
        let after = query.after.as_ref().map_or("", TaskType::as_str);
        let mut types = BTreeSet::new();
        for kind in [TASKS_OF_TYPE, SERVING_TYPE] {
            let binds = (kind, after, limit(query.limit));
            let rows = self.rows::<TypesAfter, (String,), _>(binds)?;
            types.extend(rows.into_iter().map(|(task_type,)| task_type));
        }
        let types = types.into_iter().take(query.limit);
        types.map(|of| self.task_type(of)).collect()
    }

    fn task_type(&mut self, of: String) -> Result<TaskTypeSummary, Error> {
        let mut summary = TaskTypeSummary::new(name("a task type", of)?);
        let of = summary.task_type.clone();
        for (status, n) in self.rows::<CountersOf, (i64, i64), _>((TASKS, &of))? {
            let n: u64 = count("a counter", n)?;
            if n > 0 {
                summary.tasks.insert(status_of(status)?, n);
            }
        }
        summary.workers = self.counter_of(SERVING_TYPE, &of)?;
        summary.models = self.counter_of(MODELS_OF_TYPE, &of)?;
        Ok(summary)
    }

    /// The only counter of a kind that a type has.
    pub(crate) fn counter_of(&mut self, kind: i64, task_type: &TaskType) -> Result<u64, Error> {
        let row = self.row::<CountersOf, (i64, i64), _>((kind, task_type))?;
        count("a counter", row.map_or(0, |(_, n)| n))
    }
}
