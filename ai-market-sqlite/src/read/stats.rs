use ai_market_core::id::TaskType;
use ai_market_core::store::{StatsQuery, StoreStats};

use crate::data::counter::{GONE, SHORT, SUBMISSIONS, TASKS, TASKS_IN_STATUS, UNSERVED, WORKERS};
use crate::data::{count, limit, micros, name, status_of};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{CountersOf, LargestTypes, StaleWorkers, Totals};

impl Connection {
    /// Counts what there is, from the counters.
    pub(crate) fn stats(&mut self, query: &StatsQuery) -> Result<StoreStats, Error> {
        let mut stats = StoreStats::default();
        for (kind, key, n) in self.rows::<Totals, (i64, i64, i64), _>(())? {
            let n: u64 = count("a counter", n)?;
            match kind {
                SUBMISSIONS => stats.submissions = n,
                WORKERS => stats.workers = n,
                TASKS_IN_STATUS if n > 0 => {
                    stats.tasks_by_status.insert(status_of(key)?, n);
                }
                SHORT => stats.tasks_short_of_workers = n,
                UNSERVED => stats.task_types_unserved = n,
                GONE => stats.workers_gone = n,
                _ => {}
            }
        }
        let stale = self.row::<StaleWorkers, (i64,), _>((micros(query.stale_before),))?;
        let stale: u64 = count("a number of workers", stale.map_or(0, |(n,)| n))?;
        stats.workers_stale = stats.workers_gone + stale;
        let largest = self.rows::<LargestTypes, (String,), _>((limit(query.task_types),))?;
        for (of,) in largest {
            let of: TaskType = name("a task type", of)?;
            for (status, n) in self.rows::<CountersOf, (i64, i64), _>((TASKS, &of))? {
                let n: u64 = count("a counter", n)?;
                if n > 0 {
                    stats.tasks.insert((of.clone(), status_of(status)?), n);
                }
            }
        }
        Ok(stats)
    }
}
