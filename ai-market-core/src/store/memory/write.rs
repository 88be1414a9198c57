use std::collections::BTreeSet;
use std::time::Duration;

use crate::consensus::{Ballot, Policies, agrees, learn_late};
use crate::event::Event;
use crate::id::{TaskId, WorkerId};
use crate::store::rules::{
    InstanceStanding, LeaseEnd, bounded_reason, downtime, gone_before, instance_standing,
    renewed_until, renewed_until_bare, serving_since, stale_before,
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
        self.log(Event::created(&task), now);
        self.tasks.insert(id, Entry::new(task));
        InsertOutcome::Created(id)
    }

    pub(super) fn register(&mut self, profile: WorkerProfile, now: Timestamp) -> Registered {
        let mut registered = Registered::default();
        let worker = profile.worker.clone();
        let event = Event::WorkerRegistered {
            worker: worker.clone(),
            task_types: profile.capabilities.clone(),
        };
        let Some(known) = self.workers.get_mut(&worker) else {
            self.workers
                .insert(worker, WorkerSummary::new(profile, now));
            self.log(event, now);
            return registered;
        };
        let cleared = known.profile.owner != profile.owner
            || known.profile.model != profile.model
            || known.profile.models != profile.models;
        let instance = profile.instance.clone();
        let mut profile = profile;
        if profile.instance.is_none() {
            profile.instance.clone_from(&known.profile.instance);
        }
        let changed = known.profile != profile;
        known.profile = profile;
        self.seen(&worker, now);
        if changed {
            self.log(event, now);
        }
        if cleared {
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
                    LeaseEnd::Restarted,
                    now,
                    &mut registered.effects,
                );
            }
        }
        registered
    }

    pub(super) fn held_by(&self, worker: &WorkerId) -> Vec<TaskId> {
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
        if let Some(worker) = self.workers.get_mut(&renew.worker) {
            worker.last_heartbeat = worker.last_heartbeat.max(Some(renew.now));
        }
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
        effects: &mut Effects,
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
                self.keep_late(vote, policies, now, effects);
            }
            return SubmitOutcome::Closed { kept };
        }
        let Some(held) = held else {
            return SubmitOutcome::NotAssigned;
        };
        if entry.task.distinct_models && vote.model.is_some() && vote.model != held.model {
            return SubmitOutcome::OtherModel;
        }
        let task_type = entry.task.task_type.clone();
        self.unindex_lease(id, &held.lease);
        if let Some(worker) = self.workers.get_mut(&vote.worker) {
            worker.submissions += 1;
        }
        self.submissions += 1;
        let mut vote = Submission::accept(vote, held.owner, now, false);
        vote.model = vote.model.or(held.model);
        self.tally(&vote.worker, &task_type, vote.model.as_ref())
            .count_answer(false, now.since(held.lease.claimed_at));
        let answered = self.change(id, effects, |entry| {
            let worker = vote.worker.clone();
            entry.leases.retain(|held| held.lease.worker != worker);
            entry.votes.push(vote);
            entry.task.submission_count += 1;
            Event::answered(&entry.task, worker)
        });
        if let Some(answered) = answered {
            self.log(answered, now);
        }
        SubmitOutcome::Accepted(self.decide(id, policies, false, now, effects))
    }

    fn keep_late(
        &mut self,
        vote: Vote,
        policies: &Policies,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let id = vote.task;
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let Some(held) = entry.lease_of(&vote.worker).cloned() else {
            return;
        };
        entry.leases.retain(|held| held.lease.worker != vote.worker);
        let task = entry.task.clone();
        let task_type = &task.task_type;
        let mut vote = Submission::accept(vote, held.owner, now, true);
        vote.model = vote.model.or(held.model);
        let worker = vote.worker.clone();
        entry.late.push(vote.clone());
        self.expiries
            .remove(&(held.lease.until, id, worker.clone()));
        let latency = now.since(held.lease.claimed_at);
        let tally = self.tally(&worker, task_type, vote.model.as_ref());
        tally.count_answer(true, latency);
        if let Some(label) = task.final_label() {
            let comparator = policies.comparator(task_type);
            tally.count_agreement(agrees(comparator, label, &vote.label));
            let records = [self.record(task_type, &worker)];
            let prior = self.prior(task_type);
            let votes = [vote];
            let ballot =
                Ballot::new(&task, &votes, &records, &prior, now).with_comparator(comparator);
            let updates = learn_late(policies.get(task_type), &ballot, label);
            for worker in self.learn(task_type, updates) {
                self.judge(task_type, &worker, policies, now, effects);
            }
        }
    }

    pub(super) fn release(&mut self, release: &Release) -> Released {
        let mut released = Released::default();
        self.seen(&release.worker, release.now);
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
            if self.end_lease(*id, &release.worker, end, release.now, effects) {
                released.released += 1;
            }
        }
        released
    }

    pub(super) fn reap(&mut self, reap: &Reap, policies: &Policies) -> Reaped {
        let down = downtime(self.reaped_at, reap.silence, reap.now);
        let since = serving_since(self.serving_since, self.reaped_at, down, reap.now);
        self.serving_since = Some(since);
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
            if self.end_lease(id, &worker, LeaseEnd::Expired, reap.now, effects) {
                reaped.lost += 1;
            } else {
                // It stood at the decision and runs out with no late answer.
                self.expiries.remove(&(until, id, worker.clone()));
                if let Some(entry) = self.tasks.get_mut(&id) {
                    entry.leases.retain(|held| held.lease.worker != worker);
                }
            }
        }
        if let Some(before) = stale_before(reap, since) {
            self.declare_stale(before, reap, &mut reaped);
        }
        if let Some(before) = gone_before(reap, since) {
            self.declare_gone(before, reap, &mut reaped);
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

    /// The workers that are not gone and were last seen before a point in time, longest first.
    fn silent_since(&self, before: Timestamp) -> Vec<WorkerId> {
        let silent = |worker: &&WorkerSummary| !worker.gone && worker.last_seen < before;
        let silent = self.workers.values().filter(silent);
        let mut silent: Vec<_> = silent
            .map(|worker| (worker.last_seen, worker.profile.worker.clone()))
            .collect();
        silent.sort_unstable();
        silent.into_iter().map(|(_, id)| id).collect()
    }

    /// Declares workers stale that were last seen before a point in time.
    fn declare_stale(&mut self, before: Timestamp, reap: &Reap, reaped: &mut Reaped) {
        let mut silent = self.silent_since(before);
        silent.retain(|id| !self.stale.contains(id));
        reaped.more |= silent.len() > reap.limit;
        for worker in silent.into_iter().take(reap.limit) {
            self.stale.insert(worker.clone());
            let event = Event::WorkerStale { worker };
            self.tell(event, reap.now, &mut reaped.effects);
        }
    }

    /// Declares workers gone that were last seen before a point in time, and ends the leases of
    /// those that used to send heartbeats.
    fn declare_gone(&mut self, before: Timestamp, reap: &Reap, reaped: &mut Reaped) {
        let gone = self.silent_since(before);
        reaped.more |= gone.len() > reap.limit;
        for id in gone.into_iter().take(reap.limit) {
            let Some(worker) = self.workers.get_mut(&id) else {
                continue;
            };
            worker.gone = true;
            let beating = worker.last_heartbeat.is_some();
            let event = Event::WorkerGone { worker: id.clone() };
            self.tell(event, reap.now, &mut reaped.effects);
            for task in self.held_by(&id) {
                let effects = &mut reaped.effects;
                if beating && self.end_lease(task, &id, LeaseEnd::Gone, reap.now, effects) {
                    reaped.lost += 1;
                }
            }
            reaped.gone.push(id);
        }
    }
}
