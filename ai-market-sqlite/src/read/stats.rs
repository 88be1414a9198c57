use ai_market_core::store::{Counter, StatsQuery, StoreStats};

use crate::data::{count, micros, name, status_of};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{Counters, StaleWorkers};

type Row = (i64, String, i64, i64);

fn counter((kind, task_type, key, n): Row) -> Result<(Counter, u64), Error> {
    let counter = match kind {
        0 => Counter::Tasks(name("a task type", task_type)?, status_of(key)?),
        1 => {
            let wanted = count("a number of votes", key)?;
            Counter::Claimable(name("a task type", task_type)?, wanted)
        }
        2 => Counter::Capable(name("a task type", task_type)?),
        3 => Counter::Submissions,
        _ => Counter::Workers,
    };
    Ok((counter, count("a counter", n)?))
}

impl Connection {
    /// Counts what there is, from the counters.
    pub(crate) fn stats(&mut self, query: &StatsQuery) -> Result<StoreStats, Error> {
        let rows = self.rows::<Counters, Row, _>(())?;
        let counters: Vec<_> = rows.into_iter().map(counter).collect::<Result<_, _>>()?;
        let mut stats = StoreStats::from_counters(counters);
        let stale = self.row::<StaleWorkers, (i64, i64), _>((micros(query.stale_before),))?;
        let (stale, gone) = stale.unwrap_or_default();
        stats.workers_stale = count("a number of workers", stale)?;
        stats.workers_gone = count("a number of workers", gone)?;
        Ok(stats)
    }
}
