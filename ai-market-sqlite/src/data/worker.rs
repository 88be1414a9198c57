use std::collections::BTreeSet;
use std::sync::Arc;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{WorkerProfile, WorkerSummary};
use ai_market_core::time::Timestamp;

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{WorkerById, WorkersAfter, WorkersPresent};

use super::lease::{instance, owner};
use super::{count, from_json, json, limit, micros, name, time};

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

/// Task types as the database holds them.
pub(crate) fn capabilities_json(task_types: &BTreeSet<TaskType>) -> Result<String, Error> {
    json("capabilities", task_types)
}

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

    /// Workers after one, ordered by id.
    pub(crate) fn workers_after(
        &mut self,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<WorkerSummary>, Error> {
        let rows = self.rows::<WorkersAfter, Row, _>((after, limit(at_most)))?;
        rows.into_iter().map(|row| self.with_details(row)).collect()
    }

    /// Workers that are not gone and were seen since then, each with how far it is trusted.
    pub(crate) fn workers_present(
        &mut self,
        seen_since: Timestamp,
    ) -> Result<Vec<WorkerSummary>, Error> {
        let rows = self.rows::<WorkersPresent, Row, _>((micros(seen_since),))?;
        rows.into_iter()
            .map(|row| {
                let mut summary = summary(row)?;
                summary.standings = self.standings(&summary.profile.worker)?;
                Ok(summary)
            })
            .collect()
    }

    fn with_details(&mut self, row: Row) -> Result<WorkerSummary, Error> {
        let mut summary = summary(row)?;
        summary.leases = self.held_count(&summary.profile.worker)?;
        summary.standings = self.standings(&summary.profile.worker)?;
        Ok(summary)
    }
}
