use ai_market_core::consensus::{Ballot, Decision, Policies, Updates, agrees, decide};
use ai_market_core::event::Event;
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::rules::{
    LeaseEnd, MAX_LOSSES_PER_WORKER, attempts_exhausted, bounded_reason,
};
use ai_market_core::store::{Effects, Progress};
use ai_market_core::submission::Submission;
use ai_market_core::task::{Task, TaskState};
use ai_market_core::time::Timestamp;

use crate::error::Error;
use crate::sql::statements::{CountLoss, DeleteLease, DeleteLeasesOn, StandLeasesOn};
use crate::writer::Session;

use super::change::Seen;

/// Whether more votes may come for a task that is to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A vote came in.
    AtVote,
    /// Its deadline passed.
    AtDeadline,
}

impl Session {
    /// Asks the policy about the votes on an open task, does what it says, and writes the task.
    pub(super) fn decide(
        &mut self,
        task: &mut Task,
        votes: &[Submission],
        policies: &Policies,
        asked: Asked,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Progress, Error> {
        let before = Seen::of(task);
        let task_type = task.task_type.clone();
        let records: Vec<_> = votes
            .iter()
            .map(|vote| self.record(&task_type, &vote.worker))
            .collect::<Result<_, _>>()?;
        let prior = self.prior(&task_type)?;
        let comparator = policies.comparator(&task_type);
        let ballot = Ballot::new(task, votes, &records, &prior, now).with_comparator(comparator);
        let policy = policies.get(&task_type);
        // Whose record the decision changes is judged once everything else is done.
        let mut judged = Vec::new();
        let progress = match decide(policy, &ballot, asked == Asked::AtDeadline) {
            Decision::Pending => Progress::Open,
            Decision::Extend { wanted } => {
                let by = wanted - task.wanted;
                task.wanted = wanted;
                Progress::Extended { task_type, by }
            }
            Decision::Finalize {
                consensus,
                rewards,
                updates,
                policy,
            } => {
                for vote in votes {
                    let agreed = agrees(comparator, &consensus.label, &vote.label);
                    let paid = rewards.iter().filter(|reward| reward.worker == vote.worker);
                    let paid = paid.fold(0_i64, |sum, reward| sum.saturating_add(reward.points));
                    let model = match &vote.model {
                        Some(model) => Some(self.model(model)?),
                        None => None,
                    };
                    let tally = self.tally(&vote.worker, &task_type, model);
                    tally.count_agreement(agreed);
                    tally.points = tally.points.saturating_add(paid);
                    self.reward(&vote.worker, paid);
                }
                judged = self.learn(&task_type, updates)?;
                task.state = TaskState::Finalized {
                    label: consensus.label,
                    agreement: consensus.agreement,
                    policy,
                    at: now,
                };
                self.end_leases_on(task)?;
                Progress::Finalized
            }
            Decision::Fail(reason) => {
                let reason = bounded_reason(reason);
                task.state = TaskState::Failed { reason, at: now };
                self.end_leases_on(task)?;
                Progress::Failed
            }
        };
        self.note_change(before, task, effects);
        self.save(task)?;
        for worker in judged {
            self.judge(&task.task_type, &worker, policies, now, effects)?;
        }
        Ok(progress)
    }

    /// Adds what was learned to the track records, and returns the workers whose records changed.
    pub(super) fn learn(
        &mut self,
        task_type: &TaskType,
        updates: Updates,
    ) -> Result<Vec<WorkerId>, Error> {
        let mut changed = Vec::with_capacity(updates.records.len());
        for (worker, change) in updates.records {
            let mut record = self.record(task_type, &worker)?;
            record.apply(&change);
            self.set_record(task_type, worker.clone(), record);
            changed.push(worker);
        }
        if !updates.prior.is_empty() {
            let mut prior = self.prior(task_type)?;
            updates.prior.iter().for_each(|change| prior.apply(change));
            self.set_prior(task_type.clone(), prior);
        }
        Ok(changed)
    }

    /// Ends the leases on a task that was just closed. Those on a finalized one stand until they
    /// run out, for late answers; those on a failed one are gone.
    fn end_leases_on(&mut self, task: &mut Task) -> Result<(), Error> {
        if task.lease_count > 0 {
            match task.state {
                TaskState::Finalized { .. } => self.db.execute::<StandLeasesOn>((task.id,))?,
                _ => self.db.execute::<DeleteLeasesOn>((task.id,))?,
            };
            task.lease_count = 0;
        }
        Ok(())
    }

    /// Ends a lease on an open task without an answer, and says whether there was one. Where that is
    /// an attempt, it may fail the task.
    pub(super) fn end_lease(
        &mut self,
        id: TaskId,
        worker: &WorkerId,
        end: LeaseEnd<'_>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<bool, Error> {
        let Some(mut task) = self.db.task(id)? else {
            return Ok(false);
        };
        if task.state != TaskState::Open {
            return Ok(false);
        }
        // What model it was claimed with matters for those that are lost.
        let held = match end.attempt() {
            Some(_) => self.db.lease_of(id, worker)?,
            None => None,
        };
        if self.db.execute::<DeleteLease>((id, worker))? == 0 {
            return Ok(false);
        }
        if let Some(held) = held {
            self.tally(worker, &task.task_type, held.model).lost += 1;
        }
        self.tell(
            Event::requeued(&task, worker.clone(), end.cause()),
            now,
            effects,
        );
        let before = Seen::of(&task);
        task.lease_count = task.lease_count.saturating_sub(1);
        let mut exhausted = None;
        if let Some(cause) = end.attempt() {
            let row = self.db.row::<CountLoss, (i64,), _>((id, worker))?;
            if row.is_some_and(|(losses,)| losses <= i64::from(MAX_LOSSES_PER_WORKER)) {
                task.attempts += 1;
            }
            if task.attempts >= task.max_attempts {
                exhausted = Some(attempts_exhausted(task.attempts, worker, cause));
            }
        }
        let freed = self.note_change(before, &task, effects);
        if let Some(reason) = exhausted {
            task.state = TaskState::Failed { reason, at: now };
            self.end_leases_on(&mut task)?;
            self.note_change(freed, &task, effects);
        }
        self.save(&task)?;
        Ok(true)
    }
}
