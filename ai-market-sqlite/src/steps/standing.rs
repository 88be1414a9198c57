use std::collections::BTreeSet;

use ai_market_core::consensus::{Policies, Standing, StandingCause, StandingEntry};
use ai_market_core::event::Event;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::rules::{LeaseEnd, bounded_reason};
use ai_market_core::store::{Effects, Ruling, StandingChange, StandingChanged};
use ai_market_core::time::Timestamp;

use crate::error::Error;
use crate::writer::Session;

impl Session {
    /// Asks how far a worker is trusted with tasks of a type, now that its track record changed.
    pub(super) fn judge(
        &mut self,
        task_type: &TaskType,
        worker: &WorkerId,
        policies: &Policies,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let record = self.record(task_type, worker)?;
        let prior = self.prior(task_type)?;
        let standings = self.standings(worker)?;
        let entry = standings.assess(task_type, policies.standing(), &record, &prior, now);
        let Some(entry) = entry else { return Ok(()) };
        let suspended = entry.as_ref().is_some_and(|e| e.standing.is_suspended());
        let event = Event::standing(worker.clone(), Some(task_type.clone()), entry.as_ref());
        self.set_standing(worker, Some(task_type), entry)?;
        self.tell(event, now, effects);
        if suspended {
            self.return_all(worker, Some(task_type), now, effects)?;
        }
        Ok(())
    }

    /// Suspends or reinstates a worker by hand.
    pub(crate) fn rule(&mut self, change: &StandingChange) -> Result<StandingChanged, Error> {
        let StandingChange {
            worker,
            task_type,
            ruling,
            now,
            ..
        } = change;
        let task_type = task_type.as_ref();
        let Some(profile) = self.profile(worker)? else {
            return Ok(StandingChanged::UnknownWorker);
        };
        let mut effects = Effects::default();
        match ruling {
            Ruling::Suspend(reason) => {
                let reason = bounded_reason(reason.clone());
                let standing = Standing::Suspended { reason };
                let entry = StandingEntry::new(standing, StandingCause::Hand, *now);
                let event = Event::standing(worker.clone(), task_type.cloned(), Some(&entry));
                self.set_standing(worker, task_type, Some(entry))?;
                self.tell(event, *now, &mut effects);
                self.return_all(worker, task_type, *now, &mut effects)?;
            }
            Ruling::Reinstate => {
                match task_type {
                    Some(of) => {
                        self.set_standing(worker, task_type, None)?;
                        self.forgive(worker, of)?;
                    }
                    None => {
                        let known = self.standings(worker)?;
                        // Whatever it may have a record for.
                        let mut types: BTreeSet<_> =
                            self.db.types_tallied(worker)?.into_iter().collect();
                        types.extend(profile.capabilities.iter().cloned());
                        types.extend(known.iter().filter_map(|(of, _)| of.cloned()));
                        for (of, _) in known.iter() {
                            self.set_standing(worker, of, None)?;
                        }
                        for of in &types {
                            self.forgive(worker, of)?;
                        }
                    }
                }
                let event = Event::standing(worker.clone(), task_type.cloned(), None);
                self.tell(event, *now, &mut effects);
            }
        }
        Ok(StandingChanged::Done(effects))
    }

    fn forgive(&mut self, worker: &WorkerId, task_type: &TaskType) -> Result<(), Error> {
        let mut record = self.record(task_type, worker)?;
        if !record.total().is_zero() {
            record.forgive();
            self.set_record(task_type, worker.clone(), record);
        }
        Ok(())
    }

    /// Ends the leases of a worker, or those on tasks of one type, as returned.
    fn return_all(
        &mut self,
        worker: &WorkerId,
        task_type: Option<&TaskType>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        for (id, _) in self.db.held_by(worker)? {
            let ends = match task_type {
                None => true,
                Some(_) => {
                    let task = self.db.task(id)?;
                    task.is_some_and(|task| Some(&task.task_type) == task_type)
                }
            };
            if ends {
                self.end_lease(id, worker, LeaseEnd::Suspended, now, effects)?;
            }
        }
        Ok(())
    }
}
