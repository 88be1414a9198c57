use ai_market_core::assignment::Lease;
use ai_market_core::id::{InstanceId, OwnerId, TaskId, WorkerId};
use ai_market_core::time::Timestamp;

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{HeldBy, HeldCount, LeaseOf, LeasesOn};

use super::{count, name, task_id, time};

/// One worker's lease on one task.
#[derive(Debug)]
pub(crate) struct HeldLease {
    pub(crate) until: Timestamp,
    pub(crate) claimed_at: Timestamp,
    pub(crate) owner: Option<OwnerId>,
    pub(crate) instance: Option<InstanceId>,
    /// The number of the model that the worker ran when it claimed.
    pub(crate) model: Option<i64>,
}

pub(super) fn owner(text: Option<String>) -> Result<Option<OwnerId>, Error> {
    text.map(|text| name("an owner", text)).transpose()
}

pub(super) fn instance(text: Option<String>) -> Result<Option<InstanceId>, Error> {
    text.map(|text| name("an instance", text)).transpose()
}

impl Connection {
    /// How many leases on open tasks a worker holds.
    pub(crate) fn held_count(&mut self, worker: &WorkerId) -> Result<u64, Error> {
        let row = self.row::<HeldCount, (i64,), _>((worker,))?;
        count("a number of leases", row.map_or(0, |(n,)| n))
    }

    /// The leases on open tasks that a worker holds, in the order of the tasks.
    pub(crate) fn held_by(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, HeldLease)>, Error> {
        let rows = self.rows::<HeldBy, (Vec<u8>, i64, i64, Option<String>), _>((worker,))?;
        rows.into_iter()
            .map(|(task, claimed_at, until, named)| {
                let lease = HeldLease {
                    until: time(until),
                    claimed_at: time(claimed_at),
                    owner: None,
                    instance: instance(named)?,
                    model: None,
                };
                Ok((task_id(&task)?, lease))
            })
            .collect()
    }

    /// A worker's lease on a task; once the task is finalized, the one that stood then.
    pub(crate) fn lease_of(
        &mut self,
        task: TaskId,
        worker: &WorkerId,
    ) -> Result<Option<HeldLease>, Error> {
        type Row = (i64, i64, Option<String>, Option<String>, Option<i64>);
        self.row::<LeaseOf, Row, _>((task, worker))?
            .map(|(claimed_at, until, named, run, model)| {
                Ok(HeldLease {
                    until: time(until),
                    claimed_at: time(claimed_at),
                    owner: owner(named)?,
                    instance: instance(run)?,
                    model,
                })
            })
            .transpose()
    }

    /// The leases on an open task in the order in which they were claimed.
    pub(crate) fn leases_on(&mut self, task: TaskId) -> Result<Vec<Lease>, Error> {
        let mut rows = self.rows::<LeasesOn, (i64, String, i64, i64), _>((task,))?;
        rows.sort_unstable_by_key(|row| row.0);
        rows.into_iter()
            .map(|(_, worker, claimed_at, until)| {
                let worker = name("a worker id", worker)?;
                Ok(Lease::new(worker, time(claimed_at), time(until)))
            })
            .collect()
    }
}
