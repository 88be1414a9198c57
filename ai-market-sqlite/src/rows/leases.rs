use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::store::LeaseRow;
use ai_market_core::submission::Submission;

use crate::data::{LeaseColumns, NO_MODEL, json, lease, micros, task_id};
use crate::error::Error;
use crate::sql::statements::{HeldBy, InsertVote, LeaseOf, LeasesOn, PutLease, SetLease};
use crate::writer::Session;

impl Session {
    fn lease_row(&mut self, columns: LeaseColumns) -> Result<LeaseRow, Error> {
        lease(columns, |number| self.model_named(number))
    }

    /// A worker's lease on a task.
    pub(crate) fn lease_of(
        &mut self,
        task: TaskId,
        worker: &WorkerId,
    ) -> Result<Option<LeaseRow>, Error> {
        let row = self.db.row::<LeaseOf, LeaseColumns, _>((task, worker))?;
        row.map(|columns| self.lease_row(columns)).transpose()
    }

    /// The leases on a task in the order in which they were claimed.
    pub(crate) fn leases_on(&mut self, task: TaskId) -> Result<Vec<LeaseRow>, Error> {
        let mut rows = self.db.rows::<LeasesOn, (i64, LeaseColumns), _>((task,))?;
        rows.sort_unstable_by_key(|row| row.0);
        let leases = rows.into_iter().map(|(_, columns)| self.lease_row(columns));
        leases.collect()
    }

    /// The leases of a worker but for grace leases, in the order of their tasks.
    pub(crate) fn held_by(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, LeaseRow)>, Error> {
        let rows = self
            .db
            .rows::<HeldBy, (Vec<u8>, LeaseColumns), _>((worker,))?;
        let held = rows
            .into_iter()
            .map(|(task, columns)| Ok((task_id(&task)?, self.lease_row(columns)?)));
        held.collect()
    }

    /// Inserts a lease after those that are there, or writes until when it lasts, and whether it is a
    /// grace lease.
    pub(crate) fn write_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<(), Error> {
        let model = lease.model.as_ref();
        let model = model.map(|model| self.model(model)).transpose()?;
        let (until, grace) = (micros(lease.until), i64::from(lease.grace));
        let put = self.db.execute::<PutLease>((
            task,
            &lease.worker,
            task,
            micros(lease.claimed_at),
            until,
            lease.owner.as_ref().map(AsRef::as_ref),
            lease.instance.as_ref().map(AsRef::as_ref),
            lease.request.as_ref().map(AsRef::as_ref),
            model,
            grace,
        ))?;
        if put == 0 {
            let set = (until, grace, task, &lease.worker);
            self.db.execute::<SetLease>(set)?;
        }
        Ok(())
    }

    /// Writes a vote.
    pub(crate) fn write_vote(&mut self, task: TaskId, vote: &Submission) -> Result<(), Error> {
        let scores = vote.scores.as_ref();
        let scores = scores.map(|scores| json("scores", scores)).transpose()?;
        let model = Some(self.model_number(vote.model.as_ref())?).filter(|n| *n != NO_MODEL);
        self.db.execute::<InsertVote>((
            task,
            &vote.worker,
            vote.owner.as_ref().map(AsRef::as_ref),
            vote.label.as_str(),
            vote.confidence.get(),
            scores.as_deref(),
            model,
            i64::from(vote.truncated),
            micros(vote.submitted_at),
            i64::from(vote.late),
        ))?;
        Ok(())
    }
}
