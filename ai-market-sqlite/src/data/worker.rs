use std::collections::BTreeSet;
use std::sync::Arc;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{Absence, WorkerProfile, WorkerQuery, WorkerRow, WorkerSummary};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{HeldCount, WorkerById, WorkersAfter};

use super::lease::{instance, owner};
use super::{count, from_json, limit, name, time};

/// What a row says of a worker: what is written whole, and how it did.
type Row = (
    (
        String,
        Option<String>,
        Option<String>,
        String,
        Option<String>,
        String,
    ),
    (i64, i64),
    (i64, i64, i64, i64, Option<i64>),
);

/// The worker of a row, without how far it is trusted, and its other columns.
fn worker_row((said, (stale, gone), _): &Row) -> Result<WorkerRow, Error> {
    let (id, owned_by, run, capabilities, model, models) = said;
    let capabilities: BTreeSet<TaskType> = from_json("capabilities", capabilities)?;
    let mut profile = WorkerProfile::new(name("a worker id", id.clone())?, capabilities);
    profile.owner = owner(owned_by.clone())?;
    profile.instance = instance(run.clone())?;
    let model = model.as_ref();
    profile.model = model.map(|json| from_json("a model", json)).transpose()?;
    profile.models = from_json("models", models)?;
    let absence = match (stale, gone) {
        (0, 0) => Absence::Present,
        (_, 0) => Absence::Stale,
        _ => Absence::Gone,
    };
    Ok(WorkerRow::new(profile).with_absence(absence))
}

impl Connection {
    /// How many leases a worker holds, grace leases not counted.
    pub(crate) fn held_count(&mut self, worker: &WorkerId) -> Result<u64, Error> {
        let row = self.row::<HeldCount, (i64,), _>((worker,))?;
        count("a number of leases", row.map_or(0, |(n,)| n))
    }

    /// What is written whole of a worker.
    pub(crate) fn worker_row(&mut self, worker: &WorkerId) -> Result<Option<WorkerRow>, Error> {
        let Some(row) = self.row::<WorkerById, Row, _>((worker,))? else {
            return Ok(None);
        };
        let mut known = worker_row(&row)?;
        known.standings = self.standings(worker)?;
        Ok(Some(known))
    }

    /// A worker.
    pub(crate) fn worker(&mut self, worker: &WorkerId) -> Result<Option<WorkerSummary>, Error> {
        let row = self.row::<WorkerById, Row, _>((worker,))?;
        row.map(|row| self.summary(&row)).transpose()
    }

    /// A page of workers, ordered by id.
    pub(crate) fn worker_page(&mut self, query: &WorkerQuery) -> Result<Vec<WorkerSummary>, Error> {
        let after = query.after.as_ref().map_or("", |id| id.as_str());
        let at_most = limit(query.limit);
        let rows = self.rows::<WorkersAfter, Row, _>((after, at_most))?;
        rows.iter().map(|row| self.summary(row)).collect()
    }

    fn summary(&mut self, row: &Row) -> Result<WorkerSummary, Error> {
        let WorkerRow {
            profile, absence, ..
        } = worker_row(row)?;
        let (registered_at, last_seen, points, submissions, last_heartbeat) = row.2;
        let profile = Arc::unwrap_or_clone(profile);
        let mut summary = WorkerSummary::new(profile, time(registered_at));
        let worker = &summary.profile.worker;
        summary.leases = self.held_count(worker)?;
        summary.standings = self.standings(worker)?;
        summary.last_seen = time(last_seen);
        summary.points = points;
        summary.submissions = count("a number of votes", submissions)?;
        summary.last_heartbeat = last_heartbeat.map(time);
        summary.gone = absence == Absence::Gone;
        Ok(summary)
    }
}
