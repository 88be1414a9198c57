use ai_market_core::store::rules::{LeaseEnd, bounded_reason};
use ai_market_core::store::{LeaseScope, Release, ReleaseReason, Released};

use crate::error::Error;
use crate::writer::Session;

impl Session {
    /// Takes leases back from a worker.
    pub(crate) fn release(&mut self, release: &Release) -> Result<Released, Error> {
        let mut released = Released::default();
        let worker = &release.worker;
        self.seen(worker, release.now)?;
        let reason;
        let end = match &release.reason {
            ReleaseReason::Returned => LeaseEnd::Returned,
            ReleaseReason::Failed(said) => {
                reason = bounded_reason(said.clone());
                LeaseEnd::Failed(&reason)
            }
        };
        let tasks = match &release.scope {
            LeaseScope::Named(tasks) => tasks.clone(),
            LeaseScope::AllOf => {
                let held = self.db.held_by(worker)?;
                held.into_iter().map(|(task, _)| task).collect()
            }
        };
        for id in tasks {
            let Some(held) = self.db.lease_of(id, worker)? else {
                continue;
            };
            let foreign = release.instance.is_some()
                && held.instance.is_some()
                && release.instance != held.instance;
            if foreign {
                continue;
            }
            let effects = &mut released.effects;
            if self.end_lease(id, worker, end, release.now, effects)? {
                released.released += 1;
            }
        }
        Ok(released)
    }
}
