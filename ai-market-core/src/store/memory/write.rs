use std::collections::BTreeSet;
use std::time::Duration;

use crate::consensus::Policies;
use crate::id::{TaskId, WorkerId};
use crate::store::rules::{
    InstanceStanding, LEASE_RAN_OUT, WORKER_RESTARTED, bounded_reason, downtime, instance_standing,
    renewed_until, renewed_until_bare,
};
use crate::store::{
    ClaimKey, Effects, InsertOutcome, LeaseScope, Reap, Reaped, Registered, Release, ReleaseReason,
    Released, Renew, Renewed, SubmitOutcome, WorkerProfile, WorkerSummary,
};
use crate::submission::{Submission, Vote};
use crate::task::{NewTask, Task, TaskState};
use crate::time::Timestamp;

use super::state::{Entry, State};

impl State {
    pub(super) fn insert(&mut self, new: NewTask, max_open: u64, now: Timestamp) -> InsertOutcome {
        if self.tasks.contains_key(&new.id) {
            return InsertOutcome::Existing(new.id);
        }
        if let Some(key) = &new.idempotency_key
            && let Some(entry) = self.by_key.get(key).and_then(|id| self.tasks.get(id))
        {
            let same = entry.task.text == new.text && entry.task.task_type == new.task_type;
            return if same {
                InsertOutcome::Existing(entry.task.id)
            } else {
                InsertOutcome::Conflict(entry.task.id)
            };
        }
        if self.open >= max_open {
            return InsertOutcome::Full;
        }
        if let Some(key) = &new.idempotency_key {
            self.by_key.insert(key.clone(), new.id);
        }
        let task = Task::create(new, now);
        let (id, task_type) = (task.id, task.task_type.clone());
        let key = ClaimKey::new(task.priority, id);
        if let Some(deadline) = task.deadline {
            self.deadlines.insert((deadline, id));
        }
        self.frontier.opened(&task_type, key);
        self.index_claimable(&task_type, key, task.claimable_replicas() > 0);
        self.count(&task_type, None, Some(task.status()));
        self.tasks.insert(id, Entry::new(task));
        InsertOutcome::Created(id)
    }

    pub(super) fn register(&mut self, profile: WorkerProfile, now: Timestamp) -> Registered {
        let mut registered = Registered::default();
        let worker = profile.worker.clone();
        let Some(known) = self.workers.get_mut(&worker) else {
            self.workers
                .insert(worker, WorkerSummary::new(profile, now));
            return registered;
        };
        known.last_seen = known.last_seen.max(now);
        let owner_changed = known.profile.owner != profile.owner;
        let instance = profile.instance.clone();
        let kept = known.profile.instance.take();
        known.profile = profile;
        if known.profile.instance.is_none() {
            known.profile.instance = kept;
        }
        if owner_changed {
            self.frontier.forget(&worker);
        }
        if instance.is_some() {
            let orphaned: Vec<_> = self
                .held_by(&worker)
                .into_iter()
                .filter(|id| {
                    let lease = self.tasks.get(id).and_then(|entry| entry.lease_of(&worker));
                    lease.is_some_and(|held| held.instance.is_some() && held.instance != instance)
                })
                .collect();
            for id in orphaned {
                self.end_lease(
                    id,
                    &worker,
                    Some(WORKER_RESTARTED),
                    now,
                    &mut registered.effects,
                );
            }
        }
        registered
    }

    fn held_by(&self, worker: &WorkerId) -> Vec<TaskId> {
        self.held
            .get(worker)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    pub(super) fn renew(&mut self, renew: &Renew) -> Renewed {
        let Some(worker) = self.workers.get(&renew.worker) else {
            return Renewed::UnknownWorker;
        };
        let registered = worker.profile.instance.as_ref();
        match instance_standing(renew.instance.as_ref(), registered) {
            InstanceStanding::Current => {}
            InstanceStanding::Superseded => return Renewed::Superseded,
            InstanceStanding::Unregistered => return Renewed::UnknownWorker,
        }
        self.seen(&renew.worker, renew.now);
        let held: BTreeSet<_> = self.held_by(&renew.worker).into_iter().collect();
        let (tasks, gone): (Vec<_>, Vec<_>) = match &renew.scope {
            LeaseScope::Named(tasks) => tasks.iter().partition(|id| held.contains(id)),
            LeaseScope::AllOf => (held.into_iter().collect(), Vec::new()),
        };
        for id in tasks {
            let lease = self
                .tasks
                .get(&id)
                .and_then(|entry| entry.lease_of(&renew.worker));
            let Some(lease) = lease.map(|held| &held.lease) else {
                continue;
            };
            let until = match renew.scope {
                LeaseScope::Named(_) => renewed_until(lease.until, renew.lease, renew.now),
                LeaseScope::AllOf => {
                    renewed_until_bare(lease.until, lease.claimed_at, renew.lease, renew.now)
                }
            };
            self.set_until(id, &renew.worker, until);
        }
        Renewed::Renewed { gone }
    }

    pub(super) fn submit(
        &mut self,
        vote: Vote,
        policies: &Policies,
        now: Timestamp,
    ) -> SubmitOutcome {
        let id = vote.task;
        self.seen(&vote.worker, now);
        let Some(entry) = self.tasks.get(&id) else {
            return SubmitOutcome::UnknownTask;
        };
        if entry.has_answer_of(&vote.worker) {
            let finalized = matches!(entry.task.state, TaskState::Finalized { .. });
            return SubmitOutcome::Duplicate { finalized };
        }
        let held = entry.lease_of(&vote.worker).cloned();
        if !entry.is_open() {
            let kept = held.is_some_and(|held| held.lease.until >= now);
            if kept {
                self.keep_late(vote, now);
            }
            return SubmitOutcome::Closed { kept };
        }
        let Some(held) = held else {
            return SubmitOutcome::NotAssigned;
        };
        self.unindex_lease(id, &held.lease);
        let registered = self.workers.get_mut(&vote.worker).map(|worker| {
            worker.submissions += 1;
            worker.profile.model.clone()
        });
        self.submissions += 1;
        let mut vote = Submission::accept(vote, held.owner, now, false);
        vote.model = vote.model.or(registered.flatten());
        // What the decision did is in the progress that it reports.
        let mut effects = Effects::default();
        self.change(id, &mut effects, |entry| {
            entry.leases.retain(|held| held.lease.worker != vote.worker);
            entry.votes.push(vote);
            entry.task.submission_count += 1;
        });
        SubmitOutcome::Accepted(self.decide(id, policies, false, now, &mut effects))
    }

    fn keep_late(&mut self, vote: Vote, now: Timestamp) {
        let id = vote.task;
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let Some(held) = entry.lease_of(&vote.worker).cloned() else {
            return;
        };
        entry.leases.retain(|held| held.lease.worker != vote.worker);
        let task_type = entry.task.task_type.clone();
        let label = entry.task.final_label().cloned();
        let mut vote = Submission::accept(vote, held.owner, now, true);
        if vote.model.is_none() {
            let worker = self.workers.get(&vote.worker);
            vote.model = worker.and_then(|worker| worker.profile.model.clone());
        }
        let (worker, given) = (vote.worker.clone(), vote.label.clone());
        entry.late.push(vote);
        self.expiries
            .remove(&(held.lease.until, id, worker.clone()));
        if let Some(label) = label {
            let mut record = self.record(&task_type, &worker);
            record.observe(&label, &given);
            self.set_record(&task_type, worker, record);
        }
    }

    pub(super) fn release(&mut self, release: &Release) -> Released {
        let mut released = Released::default();
        self.seen(&release.worker, release.now);
        let cause = match &release.reason {
            ReleaseReason::Returned => None,
            ReleaseReason::Failed(reason) => Some(bounded_reason(reason.clone())),
        };
        let tasks = match &release.scope {
            LeaseScope::Named(tasks) => tasks.clone(),
            LeaseScope::AllOf => self.held_by(&release.worker),
        };
        for id in &tasks {
            let lease = self
                .tasks
                .get(id)
                .and_then(|entry| entry.lease_of(&release.worker));
            let Some(held) = lease else { continue };
            let foreign = release.instance.is_some()
                && held.instance.is_some()
                && release.instance != held.instance;
            if foreign {
                continue;
            }
            let effects = &mut released.effects;
            let cause = cause.as_deref();
            if self.end_lease(*id, &release.worker, cause, release.now, effects) {
                released.released += 1;
            }
        }
        released
    }

    pub(super) fn reap(&mut self, reap: &Reap, policies: &Policies) -> Reaped {
        let down = downtime(self.reaped_at, reap.silence, reap.now);
        if down > Duration::ZERO {
            let leases: Vec<_> = self.expiries.iter().cloned().collect();
            for (until, id, worker) in leases {
                self.set_until(id, &worker, until.plus(down));
            }
        }
        self.reaped_at = Some(reap.now);
        let mut reaped = Reaped::default();
        let overdue = self
            .expiries
            .iter()
            .take_while(|(until, ..)| *until < reap.now);
        let overdue: Vec<_> = overdue
            .take(reap.limit.saturating_add(1))
            .cloned()
            .collect();
        reaped.more = overdue.len() > reap.limit;
        for (until, id, worker) in overdue.into_iter().take(reap.limit) {
            let effects = &mut reaped.effects;
            if self.end_lease(id, &worker, Some(LEASE_RAN_OUT), reap.now, effects) {
                reaped.lost += 1;
            } else {
                // It stood at the decision and runs out with no late answer.
                self.expiries.remove(&(until, id, worker.clone()));
                if let Some(entry) = self.tasks.get_mut(&id) {
                    entry.leases.retain(|held| held.lease.worker != worker);
                }
            }
        }
        let passed = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= reap.now);
        let passed: Vec<_> = passed.take(reap.limit.saturating_add(1)).copied().collect();
        reaped.more |= passed.len() > reap.limit;
        for (_, id) in passed.into_iter().take(reap.limit) {
            self.decide(id, policies, true, reap.now, &mut reaped.effects);
            reaped.expired += 1;
        }
        reaped
    }
}
