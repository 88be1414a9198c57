use ai_market_core::event::Event;
use ai_market_core::id::WorkerId;
use ai_market_core::time::Timestamp;

use crate::data::{Profile, micros};
use crate::error::Error;
use crate::sql::statements::{LoseWorker, MissWorker, ReturnWorker};

use super::Session;
use super::session::MAX_REMEMBERED;

/// Who is there.
impl Session {
    /// Notes that a worker was heard of, and says what is known of it.
    pub(crate) fn seen(
        &mut self,
        worker: &WorkerId,
        now: Timestamp,
    ) -> Result<Option<Profile>, Error> {
        let profile = self.profile(worker)?;
        if profile.is_some() {
            self.job.seen(worker, now);
            self.note_present(worker, now)?;
        }
        Ok(profile)
    }

    /// Tells of a worker that it is back, if it was stale or gone.
    fn note_present(&mut self, worker: &WorkerId, now: Timestamp) -> Result<(), Error> {
        if self.present.contains(worker) {
            return Ok(());
        }
        if self.db.execute::<ReturnWorker>((micros(now), worker))? > 0 {
            let worker = worker.clone();
            self.log(Event::WorkerReturned { worker }, now);
        }
        if self.present.len() >= MAX_REMEMBERED {
            self.present.clear();
        }
        self.present.insert(worker.clone());
        Ok(())
    }

    /// Notes that a worker sent a heartbeat.
    pub(crate) fn beat(&mut self, worker: &WorkerId, now: Timestamp) {
        self.job.beat(worker, now);
    }

    /// When a worker was last heard of, and sent a heartbeat, in what the group has done so far.
    pub(crate) fn heard(&self, worker: &WorkerId) -> (Option<Timestamp>, Option<Timestamp>) {
        let (job, group) = (self.job.heard(worker), self.group.heard(worker));
        (job.0.max(group.0), job.1.max(group.1))
    }

    /// Declares a worker stale.
    pub(crate) fn miss(&mut self, worker: &WorkerId) -> Result<(), Error> {
        self.present.remove(worker);
        self.db.execute::<MissWorker>((worker,))?;
        Ok(())
    }

    /// Declares a worker gone.
    pub(crate) fn lose(&mut self, worker: &WorkerId) -> Result<(), Error> {
        self.present.remove(worker);
        self.job.unsee(worker);
        self.group.unsee(worker);
        self.db.execute::<LoseWorker>((worker,))?;
        Ok(())
    }
}
