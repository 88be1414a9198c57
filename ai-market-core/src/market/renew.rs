use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::{Addition, LeaseRow, Needs, TransactionError};
use crate::time::Timestamp;

use super::instance::{InstanceCheck, check_instance};
use super::operation::Operation;
use super::{ClaimFrontier, Context, LeaseScope, Renew, Renewed, Report};

/// How many leases after its claim a bare heartbeat keeps a lease at most.
const MAX_BARE_RENEWALS: u32 = 10;

impl Operation for Renew {
    type Outcome = Renewed;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_holder(self.worker.clone())
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Renewed>, TransactionError> {
        let worker = &self.worker;
        let Some(row) = cx.tx.worker(worker)? else {
            return Ok(Some(Renewed::UnknownWorker));
        };
        match check_instance(self.instance.as_ref(), row.profile.instance.as_ref()) {
            InstanceCheck::Current => {}
            InstanceCheck::Superseded => return Ok(Some(Renewed::Superseded)),
            InstanceCheck::Unregistered => return Ok(Some(Renewed::UnknownWorker)),
        }
        cx.sign_of_life(&row)?;
        cx.tx.add(Addition::Heartbeat(worker))?;
        let now = cx.now();
        let held = cx.tx.leases_held(worker)?;
        let mut gone = Vec::new();
        let renewed: Vec<_> = match &self.scope {
            LeaseScope::AllOf => {
                let renewed = held.into_iter().map(|(task, lease)| {
                    let until = renewed_bare(lease.until, lease.claimed_at, self.lease, now);
                    (task, lease, until)
                });
                renewed.collect()
            }
            LeaseScope::Named(tasks) => {
                let held: BTreeMap<_, _> = held.into_iter().collect();
                let named = tasks.iter().filter_map(|task| {
                    let Some(lease) = held.get(task) else {
                        gone.push(*task);
                        return None;
                    };
                    let until = renewed_until(lease.until, self.lease, now);
                    Some((*task, lease.clone(), until))
                });
                named.collect()
            }
        };
        for (task, lease, until) in renewed {
            if until != lease.until {
                cx.tx.put_lease(task, &LeaseRow { until, ..lease })?;
            }
        }
        Ok(Some(Renewed::Renewed { gone }))
    }

    fn report<'a>(&'a self, outcome: &'a Renewed) -> Report<'a> {
        match outcome {
            Renewed::Renewed { .. } => Report::Renewed,
            Renewed::UnknownWorker | Renewed::Superseded => Report::Other,
        }
    }
}

/// Until when a lease lasts after a renewal that names its task.
pub(super) fn renewed_until(until: Timestamp, lease: Duration, now: Timestamp) -> Timestamp {
    until.max(now.plus(lease))
}

/// Until when a lease lasts after a bare heartbeat.
///
/// It is not kept beyond its claim time plus [`MAX_BARE_RENEWALS`] leases, and never shortened.
fn renewed_bare(
    until: Timestamp,
    claimed_at: Timestamp,
    lease: Duration,
    now: Timestamp,
) -> Timestamp {
    let cap = claimed_at.plus(lease.saturating_mul(MAX_BARE_RENEWALS));
    until.max(now.plus(lease).min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn a_renewal_never_shortens() {
        assert_eq!(renewed_until(at(100), LEASE, at(10)), at(100));
        assert_eq!(renewed_until(at(30), LEASE, at(10)), at(40));
        assert_eq!(renewed_bare(at(1_000), at(0), LEASE, at(10)), at(1_000));
    }

    #[test]
    fn a_bare_heartbeat_keeps_a_lease_for_ten_leases_at_most() {
        assert_eq!(renewed_bare(at(30), at(0), LEASE, at(20)), at(50));
        assert_eq!(renewed_bare(at(290), at(0), LEASE, at(280)), at(300));
        assert_eq!(renewed_bare(at(300), at(0), LEASE, at(299)), at(300));
    }
}
