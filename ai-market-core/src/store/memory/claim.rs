use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::ops::Bound;

use crate::assignment::{Assignment, Lease};
use crate::event::Event;
use crate::id::{TaskId, TaskType};
use crate::store::rules::{InstanceStanding, MAX_LOSSES_PER_WORKER, claim_standing};
use crate::store::{Claim, ClaimKey, ClaimList, Claimed, Effects, Selection, WorkerProfile};

use super::state::{Entry, HeldLease, State};

/// The claimable tasks, seen with the eyes of one worker.
struct List<'a> {
    tasks: &'a BTreeMap<TaskId, Entry>,
    claimable: &'a HashMap<TaskType, BTreeSet<ClaimKey>>,
    profile: &'a WorkerProfile,
}

impl List<'_> {
    fn suits(&self, key: ClaimKey) -> bool {
        let WorkerProfile { worker, owner, .. } = self.profile;
        self.tasks.get(&key.id()).is_some_and(|entry| {
            !entry.is_taken_by(worker, owner.as_ref())
                && entry.suits_model(self.profile.model_for(&entry.task.task_type))
                && entry
                    .losses
                    .get(worker)
                    .is_none_or(|n| *n < MAX_LOSSES_PER_WORKER)
        })
    }
}

impl ClaimList for List<'_> {
    type Error = Infallible;

    fn is_for_worker(&mut self, task_type: &TaskType, key: ClaimKey) -> Result<bool, Infallible> {
        let claimable = self
            .claimable
            .get(task_type)
            .is_some_and(|keys| keys.contains(&key));
        Ok(claimable && self.suits(key))
    }

    fn next(
        &mut self,
        task_type: &TaskType,
        after: Option<ClaimKey>,
        limit: usize,
    ) -> Result<Vec<(ClaimKey, bool)>, Infallible> {
        let Some(keys) = self.claimable.get(task_type) else {
            return Ok(Vec::new());
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = keys.range((from, Bound::Unbounded)).take(limit);
        Ok(keys.map(|key| (*key, self.suits(*key))).collect())
    }
}

impl State {
    pub(super) fn claim(&mut self, claim: &Claim) -> Claimed {
        let Some(worker) = self.workers.get(&claim.worker) else {
            return Claimed::UnknownWorker;
        };
        let profile = worker.profile.clone();
        let standings = worker.standings.clone();
        match claim_standing(claim, &profile) {
            InstanceStanding::Current => {}
            InstanceStanding::Superseded => return Claimed::Superseded,
            InstanceStanding::Unregistered => return Claimed::UnknownWorker,
        }
        if let Some(entry) = standings.suspension(&profile.capabilities) {
            let reason = entry.standing.reason().unwrap_or_default();
            return Claimed::Suspended(reason.to_owned());
        }
        self.seen(&claim.worker, claim.now);
        let held = self.held.get(&claim.worker).map_or(0, BTreeSet::len);
        let max_leases = standings.max_leases(&profile.capabilities, claim.max_leases);
        let room = claim.limit.min(max_leases.saturating_sub(held));
        let mut list = List {
            tasks: &self.tasks,
            claimable: &self.claimable,
            profile: &profile,
        };
        let task_types: Vec<_> = standings.allowed(&profile.capabilities).collect();
        let selected = self
            .frontier
            .select(&claim.worker, task_types, room, usize::MAX, &mut list);
        let Ok(selection) = selected;
        let tasks = match selection {
            Selection::Tasks(tasks) => tasks,
            // Not reached with an endless budget.
            Selection::Unfinished => Vec::new(),
        };
        let until = claim.now.plus(claim.lease);
        // Handing out replicas frees none and closes nothing.
        let mut effects = Effects::default();
        let assignments = tasks.into_iter().filter_map(|(task_type, key)| {
            let id = key.id();
            let lease = Lease::new(claim.worker.clone(), claim.now, until);
            let held = HeldLease {
                lease,
                owner: profile.owner.clone(),
                instance: profile.instance.clone(),
                model: profile.model_for(&task_type).cloned(),
            };
            let (text, leased) = self.change(id, &mut effects, |entry| {
                entry.leases.push(held);
                let leased = Event::leased(&entry.task, claim.worker.clone(), until);
                (entry.task.text.clone(), leased)
            })?;
            self.log(leased, claim.now);
            self.held
                .entry(claim.worker.clone())
                .or_default()
                .insert(id);
            self.expiries.insert((until, id, claim.worker.clone()));
            Some(Assignment::new(id, text, task_type, until))
        });
        Claimed::Assigned(assignments.collect())
    }
}
