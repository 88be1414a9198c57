use std::time::Duration;

use ai_market_core::consensus::Policies;
use ai_market_core::event::Event;
use ai_market_core::store::rules::{LeaseEnd, downtime, gone_before, serving_since, stale_before};
use ai_market_core::store::{Reap, Reaped};
use ai_market_core::task::TaskState;
use ai_market_core::time::Timestamp;

use crate::data::{limit, micros, name, task_id, time};
use crate::error::Error;
use crate::sql::statements::{
    DeleteLease, ExtendLeases, OverdueLeases, OverdueTasks, QuietWorkers, ReapedAt, SetReapedAt,
    SilentWorkers,
};
use crate::writer::Session;

use super::close::Asked;

impl Session {
    /// Ends leases whose time has passed, and decides tasks whose deadline has passed.
    pub(crate) fn reap(&mut self, reap: &Reap, policies: &Policies) -> Result<Reaped, Error> {
        let mut reaped = Reaped::default();
        let since = self.extend_leases(reap)?;
        self.db
            .execute::<SetReapedAt>((micros(reap.now), micros(since)))?;

        let one_more = limit(reap.limit.saturating_add(1));
        let overdue = self
            .db
            .rows::<OverdueLeases, (Vec<u8>, String), _>((micros(reap.now), one_more))?;
        reaped.more = overdue.len() > reap.limit;
        for (task, worker) in overdue.into_iter().take(reap.limit) {
            let (task, worker) = (task_id(&task)?, name("a worker id", worker)?);
            let effects = &mut reaped.effects;
            if self.end_lease(task, &worker, LeaseEnd::Expired, reap.now, effects)? {
                reaped.lost += 1;
            } else {
                // It stood at the decision and runs out with no late answer.
                self.db.execute::<DeleteLease>((task, &worker))?;
            }
        }

        if let Some(before) = stale_before(reap, since) {
            self.declare_stale(before, reap, &mut reaped)?;
        }
        if let Some(before) = gone_before(reap, since) {
            self.declare_gone(before, reap, &mut reaped)?;
        }

        let passed = self
            .db
            .rows::<OverdueTasks, (Vec<u8>,), _>((micros(reap.now), one_more))?;
        reaped.more |= passed.len() > reap.limit;
        for (task,) in passed.into_iter().take(reap.limit) {
            let Some(mut task) = self.db.task(task_id(&task)?)? else {
                continue;
            };
            debug_assert_eq!(task.state, TaskState::Open, "only those have a deadline");
            let votes = self.db.votes_on(task.id)?;
            self.decide(
                &mut task,
                &votes,
                policies,
                Asked::AtDeadline,
                reap.now,
                &mut reaped.effects,
            )?;
            reaped.expired += 1;
        }
        Ok(reaped)
    }

    /// Declares workers stale that were last seen before a point in time.
    fn declare_stale(
        &mut self,
        before: Timestamp,
        reap: &Reap,
        reaped: &mut Reaped,
    ) -> Result<(), Error> {
        let one_more = limit(reap.limit.saturating_add(1));
        let quiet = self
            .db
            .rows::<QuietWorkers, (String, i64), _>((micros(before), one_more))?;
        reaped.more |= quiet.len() > reap.limit;
        for (worker, _) in quiet.into_iter().take(reap.limit) {
            let worker = name("a worker id", worker)?;
            // What the group did so far is not in the table yet.
            if self.heard(&worker).0.is_some_and(|seen| seen >= before) {
                continue;
            }
            self.miss(&worker)?;
            let event = Event::WorkerStale { worker };
            self.tell(event, reap.now, &mut reaped.effects);
        }
        Ok(())
    }

    /// Declares workers gone that were last seen before a point in time, and ends the leases of
    /// those that used to send heartbeats.
    fn declare_gone(
        &mut self,
        before: Timestamp,
        reap: &Reap,
        reaped: &mut Reaped,
    ) -> Result<(), Error> {
        let one_more = limit(reap.limit.saturating_add(1));
        let silent = self
            .db
            .rows::<SilentWorkers, (String, i64, Option<i64>), _>((micros(before), one_more))?;
        reaped.more |= silent.len() > reap.limit;
        for (worker, _, last_heartbeat) in silent.into_iter().take(reap.limit) {
            let worker = name("a worker id", worker)?;
            // What the group did so far is not in the table yet.
            let (seen, beat) = self.heard(&worker);
            if seen.is_some_and(|seen| seen >= before) {
                continue;
            }
            self.lose(&worker)?;
            let event = Event::WorkerGone {
                worker: worker.clone(),
            };
            self.tell(event, reap.now, &mut reaped.effects);
            if last_heartbeat.is_some() || beat.is_some() {
                for (task, _) in self.db.held_by(&worker)? {
                    let effects = &mut reaped.effects;
                    if self.end_lease(task, &worker, LeaseEnd::Gone, reap.now, effects)? {
                        reaped.lost += 1;
                    }
                }
            }
            reaped.gone.push(worker);
        }
        Ok(())
    }

    /// Extends every lease by the time in which nobody served, if there was any, and says since when
    /// the store is served.
    fn extend_leases(&mut self, reap: &Reap) -> Result<Timestamp, Error> {
        let row = self.db.row::<ReapedAt, (Option<i64>, Option<i64>), _>(())?;
        let (last, since) = row.unwrap_or_default();
        let (last, since) = (last.map(time), since.map(time));
        let down = downtime(last, reap.silence, reap.now);
        if down > Duration::ZERO {
            let by = i64::try_from(down.as_micros()).unwrap_or(i64::MAX);
            let latest = micros(Timestamp::from_micros(i64::MAX));
            // OK because both are bounded by the years that a timestamp holds.
            self.db.execute::<ExtendLeases>((by, latest))?;
        }
        Ok(serving_since(since, last, down, reap.now))
    }
}
