use crate::consensus::{Ballot, Decision, Policies, TrackRecord, Updates, agrees, decide};
use crate::event::Event;
use crate::id::{TaskId, TaskType, WorkerId};
use crate::store::rules::{LeaseEnd, MAX_LOSSES_PER_WORKER, attempts_exhausted, bounded_reason};
use crate::store::{Effects, Progress};
use crate::task::TaskState;
use crate::time::Timestamp;

use super::state::State;

impl State {
    pub(super) fn record(&self, task_type: &TaskType, worker: &WorkerId) -> TrackRecord {
        let records = self.records.get(task_type);
        records
            .and_then(|records| records.get(worker))
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn prior(&self, task_type: &TaskType) -> TrackRecord {
        self.priors.get(task_type).cloned().unwrap_or_default()
    }

    /// Adds what was learned to the track records, and returns the workers whose records changed.
    pub(super) fn learn(&mut self, task_type: &TaskType, updates: Updates) -> Vec<WorkerId> {
        let mut changed = Vec::with_capacity(updates.records.len());
        for (worker, change) in updates.records {
            let records = self.records.entry(task_type.clone()).or_default();
            records.entry(worker.clone()).or_default().apply(&change);
            changed.push(worker);
        }
        for change in &updates.prior {
            let prior = self.priors.entry(task_type.clone()).or_default();
            prior.apply(change);
        }
        changed
    }

    /// Asks the policy about the votes on an open task, and does what it says.
    ///
    /// With `closing`, no more votes can come.
    pub(super) fn decide(
        &mut self,
        id: TaskId,
        policies: &Policies,
        closing: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Progress {
        let Some(entry) = self.tasks.get(&id) else {
            return Progress::Open;
        };
        let task_type = entry.task.task_type.clone();
        let records: Vec<_> = entry
            .votes
            .iter()
            .map(|vote| self.record(&task_type, &vote.worker))
            .collect();
        let prior = self.prior(&task_type);
        let comparator = policies.comparator(&task_type);
        let ballot = Ballot::new(&entry.task, &entry.votes, &records, &prior, now)
            .with_comparator(comparator);
        match decide(policies.get(&task_type), &ballot, closing) {
            Decision::Pending => Progress::Open,
            Decision::Extend { wanted } => {
                let by = wanted - entry.task.wanted;
                self.change(id, effects, |entry| entry.task.wanted = wanted);
                Progress::Extended { task_type, by }
            }
            Decision::Finalize {
                consensus,
                rewards,
                updates,
                policy,
            } => {
                let answers: Vec<_> = entry
                    .votes
                    .iter()
                    .map(|vote| {
                        let agreed = agrees(comparator, &consensus.label, &vote.label);
                        (vote.worker.clone(), vote.model.clone(), agreed)
                    })
                    .collect();
                for reward in rewards {
                    if let Some(worker) = self.workers.get_mut(&reward.worker) {
                        worker.points = worker.points.saturating_add(reward.points);
                    }
                    for (worker, model, _) in &answers {
                        if *worker == reward.worker {
                            let tally = self.tally(worker, &task_type, model.as_ref());
                            tally.points = tally.points.saturating_add(reward.points);
                        }
                    }
                }
                for (worker, model, agreed) in &answers {
                    self.tally(worker, &task_type, model.as_ref())
                        .count_agreement(*agreed);
                }
                let judged = self.learn(&task_type, updates);
                let state = TaskState::Finalized {
                    label: consensus.label,
                    agreement: consensus.agreement,
                    policy,
                    at: now,
                };
                self.close(id, state, effects);
                for worker in judged {
                    self.judge(&task_type, &worker, policies, now, effects);
                }
                Progress::Finalized
            }
            Decision::Fail(reason) => {
                let reason = bounded_reason(reason);
                self.close(id, TaskState::Failed { reason, at: now }, effects);
                Progress::Failed
            }
        }
    }

    /// Closes an open task. The leases on a finalized one stand until they run out, for late
    /// answers; those on a failed one end.
    fn close(&mut self, id: TaskId, state: TaskState, effects: &mut Effects) {
        let finalized = matches!(state, TaskState::Finalized { .. });
        let leases = self.change(id, effects, |entry| {
            entry.task.state = state;
            let leases = entry.leases.clone();
            if !finalized {
                entry.leases.clear();
            }
            leases
        });
        for held in leases.into_iter().flatten() {
            self.unindex_lease(id, &held.lease);
            if finalized {
                self.expiries
                    .insert((held.lease.until, id, held.lease.worker));
            }
        }
    }

    /// Ends a lease on an open task without an answer; where that is an attempt, it may fail the
    /// task.
    pub(super) fn end_lease(
        &mut self,
        id: TaskId,
        worker: &WorkerId,
        end: LeaseEnd<'_>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let Some(entry) = self.tasks.get(&id).filter(|entry| entry.is_open()) else {
            return false;
        };
        let Some(held) = entry.lease_of(worker).cloned() else {
            return false;
        };
        let requeued = Event::requeued(&entry.task, worker.clone(), end.cause());
        if end.attempt().is_some() {
            let task_type = entry.task.task_type.clone();
            self.tally(worker, &task_type, held.model.as_ref()).lost += 1;
        }
        self.unindex_lease(id, &held.lease);
        self.tell(requeued, now, effects);
        let exhausted = self.change(id, effects, |entry| {
            entry.leases.retain(|held| held.lease.worker != *worker);
            let cause = end.attempt()?;
            let losses = entry.losses.entry(worker.clone()).or_default();
            *losses += 1;
            if *losses <= MAX_LOSSES_PER_WORKER {
                entry.task.attempts += 1;
            }
            let attempts = entry.task.attempts;
            (attempts >= entry.task.max_attempts)
                .then(|| attempts_exhausted(attempts, worker, cause))
        });
        if let Some(reason) = exhausted.flatten() {
            self.close(id, TaskState::Failed { reason, at: now }, effects);
        }
        true
    }
}
