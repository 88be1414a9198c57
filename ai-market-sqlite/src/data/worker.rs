use std::collections::BTreeSet;
use std::sync::Arc;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{WorkerProfile, WorkerQuery, WorkerSummary};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{HeldCount, WorkerById, WorkersAfter, WorkersPresentAfter};

use super::lease::{instance, owner};
use super::{count, from_json, limit, micros, name, time};

/// What is known of a worker, shared by the steps that need it.
pub(crate) type Profile = Arc<WorkerProfile>;

/// What a row says of a worker, and how it did.
type Row = (
    (
        String,
        Option<String>,
        Option<String>,
        String,
        Option<String>,
        String,
    ),
    (i64, i64, i64, i64, Option<i64>, i64),
);

fn summary(row: Row) -> Result<WorkerSummary, Error> {
    let (
        (id, owned_by, run, capabilities, model, models),
        (registered_at, last_seen, points, submissions, last_heartbeat, gone),
    ) = row;
    let capabilities: BTreeSet<TaskType> = from_json("capabilities", &capabilities)?;
    let mut profile = WorkerProfile::new(name("a worker id", id)?, capabilities);
    profile.owner = owner(owned_by)?;
    profile.instance = instance(run)?;
    profile.model = model.map(|json| from_json("a model", &json)).transpose()?;
    profile.models = from_json("models", &models)?;
    let mut summary = WorkerSummary::new(profile, time(registered_at));
    summary.last_seen = time(last_seen);
    summary.points = points;
    summary.submissions = count("a number of votes", submissions)?;
    summary.last_heartbeat = last_heartbeat.map(time);
    summary.gone = gone != 0;
    Ok(summary)
}

impl Connection {
    /// How many leases a worker holds, grace leases not counted.
    pub(crate) fn held_count(&mut self, worker: &WorkerId) -> Result<u64, Error> {
        let row = self.row::<HeldCount, (i64,), _>((worker,))?;
        count("a number of leases", row.map_or(0, |(n,)| n))
    }

    /// What a worker said of itself.
    pub(crate) fn profile(&mut self, worker: &WorkerId) -> Result<Option<Profile>, Error> {
        let row = self.row::<WorkerById, Row, _>((worker,))?;
        row.map(|row| Ok(Arc::new(summary(row)?.profile)))
            .transpose()
    }

    /// A worker.
    pub(crate) fn worker(&mut self, worker: &WorkerId) -> Result<Option<WorkerSummary>, Error> {
        let row = self.row::<WorkerById, Row, _>((worker,))?;
        row.map(|row| self.with_details(row)).transpose()
    }

    /// A page of workers, ordered by id.
    pub(crate) fn worker_page(&mut self, query: &WorkerQuery) -> Result<Vec<WorkerSummary>, Error> {
        let after = query.after.as_ref().map_or("", |id| id.as_str());
        let at_most = limit(query.limit);
        let rows = match query.seen_since {
            None => self.rows::<WorkersAfter, Row, _>((after, at_most))?,
            Some(since) => {
                let binds = (after, micros(since), at_most);
                self.rows::<WorkersPresentAfter, Row, _>(binds)?
            }
        };
        rows.into_iter().map(|row| self.with_details(row)).collect()
    }

    fn with_details(&mut self, row: Row) -> Result<WorkerSummary, Error> {
        let mut summary = summary(row)?;
        summary.leases = self.held_count(&summary.profile.worker)?;
        summary.standings = self.standings(&summary.profile.worker)?;
        Ok(summary)
    }
}
