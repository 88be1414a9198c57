use std::collections::BTreeMap;

use ai_market_core::id::{TaskId, WorkerId};
use ai_market_core::store::rules::{
    InstanceStanding, instance_standing, renewed_until, renewed_until_bare,
};
use ai_market_core::store::{LeaseScope, Renew, Renewed};
use ai_market_core::time::Timestamp;

use crate::data::micros;
use crate::error::Error;
use crate::sql::statements::RenewLease;
use crate::writer::Session;

impl Session {
    /// Notes that a worker is alive and renews leases that it holds.
    pub(crate) fn renew(&mut self, renew: &Renew) -> Result<Renewed, Error> {
        let worker = &renew.worker;
        let Some(profile) = self.profile(worker)? else {
            return Ok(Renewed::UnknownWorker);
        };
        let registered = profile.instance.as_ref();
        match instance_standing(renew.instance.as_ref(), registered) {
            InstanceStanding::Current => {}
            InstanceStanding::Superseded => return Ok(Renewed::Superseded),
            InstanceStanding::Unregistered => return Ok(Renewed::UnknownWorker),
        }
        self.seen(worker, renew.now)?;
        self.beat(worker, renew.now);
        let mut gone = Vec::new();
        match &renew.scope {
            LeaseScope::AllOf => {
                for (task, held) in self.db.held_by(worker)? {
                    let until =
                        renewed_until_bare(held.until, held.claimed_at, renew.lease, renew.now);
                    self.set_until(task, worker, held.until, until)?;
                }
            }
            // One walk over what the worker holds, since it names most of that.
            LeaseScope::Named(tasks) => {
                let held: BTreeMap<_, _> = self.db.held_by(worker)?.into_iter().collect();
                for task in tasks {
                    let Some(held) = held.get(task) else {
                        gone.push(*task);
                        continue;
                    };
                    let until = renewed_until(held.until, renew.lease, renew.now);
                    self.set_until(*task, worker, held.until, until)?;
                }
            }
        }
        Ok(Renewed::Renewed { gone })
    }

    fn set_until(
        &mut self,
        task: TaskId,
        worker: &WorkerId,
        before: Timestamp,
        until: Timestamp,
    ) -> Result<(), Error> {
        if until != before {
            self.db
                .execute::<RenewLease>((micros(until), task, worker))?;
        }
        Ok(())
    }
}
