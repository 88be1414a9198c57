use crate::consensus::{Policies, Standing, StandingCause, StandingEntry};
use crate::event::Event;
use crate::id::{TaskType, WorkerId};
use crate::store::rules::{LeaseEnd, bounded_reason};
use crate::store::{Effects, Ruling, StandingChange, StandingChanged};
use crate::time::Timestamp;

use super::state::State;

impl State {
    /// Asks how far a worker is trusted with tasks of a type, now that its track record changed.
    pub(super) fn judge(
        &mut self,
        task_type: &TaskType,
        worker: &WorkerId,
        policies: &Policies,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let record = self.record(task_type, worker);
        let prior = self.priors.get(task_type).cloned().unwrap_or_default();
        let Some(summary) = self.workers.get_mut(worker) else {
            return;
        };
        let policy = policies.standing();
        let entry = summary
            .standings
            .assess(task_type, policy, &record, &prior, now);
        let Some(entry) = entry else { return };
        let suspended = entry.as_ref().is_some_and(|e| e.standing.is_suspended());
        let event = Event::standing(worker.clone(), Some(task_type.clone()), entry.as_ref());
        summary.standings.set(Some(task_type.clone()), entry);
        self.tell(event, now, effects);
        if suspended {
            self.return_all(worker, Some(task_type), now, effects);
        }
    }

    /// Suspends or reinstates a worker by hand.
    pub(super) fn set_standing(&mut self, change: StandingChange) -> StandingChanged {
        let StandingChange {
            worker,
            task_type,
            ruling,
            now,
        } = change;
        let Some(summary) = self.workers.get_mut(&worker) else {
            return StandingChanged::UnknownWorker;
        };
        let mut effects = Effects::default();
        match ruling {
            Ruling::Suspend(reason) => {
                let reason = bounded_reason(reason);
                let standing = Standing::Suspended { reason };
                let entry = StandingEntry::new(standing, StandingCause::Hand, now);
                let event = Event::standing(worker.clone(), task_type.clone(), Some(&entry));
                summary.standings.set(task_type.clone(), Some(entry));
                self.tell(event, now, &mut effects);
                self.return_all(&worker, task_type.as_ref(), now, &mut effects);
            }
            Ruling::Reinstate => {
                match &task_type {
                    Some(_) => summary.standings.set(task_type.clone(), None),
                    None => summary.standings = Default::default(),
                }
                for (of, records) in &mut self.records {
                    if task_type.as_ref().is_none_or(|task_type| task_type == of)
                        && let Some(record) = records.get_mut(&worker)
                    {
                        record.forgive();
                    }
                }
                self.tell(Event::standing(worker, task_type, None), now, &mut effects);
            }
        }
        StandingChanged::Done(effects)
    }

    /// Ends the leases of a worker, or those on tasks of one type, as returned.
    fn return_all(
        &mut self,
        worker: &WorkerId,
        task_type: Option<&TaskType>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        for id in self.held_by(worker) {
            let of = self.tasks.get(&id).map(|entry| &entry.task.task_type);
            if task_type.is_none() || of == task_type {
                self.end_lease(id, worker, LeaseEnd::Suspended, now, effects);
            }
        }
    }
}
