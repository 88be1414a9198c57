use std::collections::HashMap;

use ai_market_core::store::{StatsQuery, StoreStats};

use crate::data::{count, micros, name, status_of};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{Counters, StaleWorkers};

impl Connection {
    /// Counts what there is, from the counters.
    pub(crate) fn stats(&mut self, query: &StatsQuery) -> Result<StoreStats, Error> {
        let mut stats = StoreStats::default();
        let mut claimable = Vec::new();
        let mut able = HashMap::new();
        for (kind, task_type, key, n) in self.rows::<Counters, (i64, String, i64, i64), _>(())? {
            let n: u64 = count("a counter", n)?;
            if n == 0 {
                continue;
            }
            match kind {
                0 => {
                    let task_type = name("a task type", task_type)?;
                    stats.tasks.insert((task_type, status_of(key)?), n);
                }
                1 => claimable.push((task_type, key, n)),
                2 => {
                    able.insert(task_type, i64::try_from(n).unwrap_or(i64::MAX));
                }
                3 => stats.submissions = n,
                _ => stats.workers = n,
            }
        }
        stats.tasks_short_of_workers = claimable
            .into_iter()
            .filter(|(task_type, wanted, _)| able.get(task_type).copied().unwrap_or(0) < *wanted)
            .map(|(.., n)| n)
            .sum();
        let stale = self.row::<StaleWorkers, (i64, i64), _>((micros(query.stale_before),))?;
        let (stale, gone) = stale.unwrap_or_default();
        stats.workers_stale = count("a number of workers", stale)?;
        stats.workers_gone = count("a number of workers", gone)?;
        Ok(stats)
    }
}
