use std::collections::HashMap;

use ai_market_core::assignment::Assignment;
use ai_market_core::consensus::Standings;
use ai_market_core::event::Event;
use ai_market_core::id::{OwnerId, TaskId, TaskType, WorkerId};
use ai_market_core::store::rules::{InstanceStanding, MAX_LOSSES_PER_WORKER, claim_standing};
use ai_market_core::store::{
    Claim, ClaimKey, ClaimList, Claimed, Effects, Selection, WorkerProfile,
};

use crate::data::{NO_MODEL, count, limit, micros, task_id};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{Claimable, InsertLease, IsClaimable};
use crate::writer::{Session, Step};

use super::change::Seen;

/// How many claimable tasks a claim looks at before it lets others go first. Hardly any claim needs
/// more: only one whose worker has answered a long run of open tasks, after a restart of the store.
const FIRST_LOOK: usize = 256;

/// How many it looks at in each later group: a few milliseconds.
const LOOK: usize = 2_000;

/// The claimable tasks in the database, seen with the eyes of one worker.
struct List<'a> {
    db: &'a mut Connection,
    worker: &'a WorkerId,
    owner: Option<&'a OwnerId>,
    /// The number of the worker's model for each type, 0 where it does not say.
    models: &'a HashMap<TaskType, i64>,
    /// How many tasks it has looked at.
    looked: usize,
}

impl List<'_> {
    fn model(&self, task_type: &TaskType) -> i64 {
        self.models.get(task_type).copied().unwrap_or(NO_MODEL)
    }
}

impl ClaimList for List<'_> {
    type Error = Error;

    fn is_for_worker(&mut self, task_type: &TaskType, key: ClaimKey) -> Result<bool, Error> {
        self.looked += 1;
        let model = self.model(task_type);
        let owner = self.owner.map(AsRef::as_ref);
        let row = self.db.row::<IsClaimable, (bool,), _>((
            self.worker,
            owner,
            self.worker,
            owner,
            self.worker,
            i64::from(MAX_LOSSES_PER_WORKER),
            model,
            model,
            model,
            key.id(),
        ))?;
        Ok(row.is_some_and(|(mine,)| mine))
    }

    fn next(
        &mut self,
        task_type: &TaskType,
        after: Option<ClaimKey>,
        at_most: usize,
    ) -> Result<Vec<(ClaimKey, bool)>, Error> {
        // No rank is that low, so the place before the first task is before every task.
        let rank = after.map_or(i64::MIN, |key| -i64::from(key.priority()));
        let id = after.map(|key| key.id());
        let id: &[u8] = id.as_ref().map_or(&[], |id| id.as_bytes());
        let owner = self.owner.map(AsRef::as_ref);
        let model = self.model(task_type);
        let rows = self.db.rows::<Claimable, (Vec<u8>, i64, bool), _>((
            self.worker,
            owner,
            self.worker,
            owner,
            self.worker,
            i64::from(MAX_LOSSES_PER_WORKER),
            model,
            model,
            model,
            task_type,
            rank,
            id,
            limit(at_most),
        ))?;
        self.looked += rows.len();
        rows.into_iter()
            .map(|(id, rank, mine)| {
                let priority = count("a priority", -rank)?;
                Ok((ClaimKey::new(priority, task_id(&id)?), mine))
            })
            .collect()
    }
}

impl Session {
    /// Gives a worker leases on tasks that it can do; `first` says that the claim begins only now.
    pub(crate) fn claim(&mut self, claim: &Claim, first: bool) -> Result<Step<Claimed>, Error> {
        let Some(profile) = self.profile(&claim.worker)? else {
            return Ok(Step::Done(Claimed::UnknownWorker));
        };
        match claim_standing(claim, &profile) {
            InstanceStanding::Current => {}
            InstanceStanding::Superseded => return Ok(Step::Done(Claimed::Superseded)),
            InstanceStanding::Unregistered => return Ok(Step::Done(Claimed::UnknownWorker)),
        }
        let standings = self.standings(&claim.worker)?;
        if let Some(entry) = standings.suspension(&profile.capabilities) {
            let reason = entry.standing.reason().unwrap_or_default().to_owned();
            return Ok(Step::Done(Claimed::Suspended(reason)));
        }
        self.seen(&claim.worker, claim.now)?;
        let held = usize::try_from(self.db.held_count(&claim.worker)?).unwrap_or(usize::MAX);
        let max_leases = standings.max_leases(&profile.capabilities, claim.max_leases);
        let room = claim.limit.min(max_leases.saturating_sub(held));
        let budget = if first {
            FIRST_LOOK
        } else {
            LOOK.min(self.look_budget)
        };
        if budget == 0 {
            return Ok(Step::Again);
        }
        let (tasks, looked) = self.look(&profile, &standings, room, budget)?;
        if !first {
            self.look_budget = self.look_budget.saturating_sub(looked);
        }
        let Some(tasks) = tasks else {
            return Ok(Step::Again);
        };
        let mut assignments = Vec::with_capacity(tasks.len());
        for key in tasks {
            assignments.push(self.assign(claim, &profile, key.id())?);
        }
        Ok(Step::Done(Claimed::Assigned(assignments)))
    }

    /// Selects the worker's next tasks among about `budget` ones, and says how many it looked at;
    /// `None` when that was not enough.
    fn look(
        &mut self,
        profile: &WorkerProfile,
        standings: &Standings,
        room: usize,
        budget: usize,
    ) -> Result<(Option<Vec<ClaimKey>>, usize), Error> {
        let types: Vec<_> = standings.allowed(&profile.capabilities).collect();
        let mut models = HashMap::new();
        for task_type in &types {
            if let Some(model) = profile.model_for(task_type) {
                models.insert(TaskType::clone(task_type), self.model(model)?);
            }
        }
        let mut list = List {
            db: &mut self.db,
            worker: &profile.worker,
            owner: profile.owner.as_ref(),
            models: &models,
            looked: 0,
        };
        let selection = self
            .frontier
            .select(&profile.worker, types, room, budget, &mut list)?;
        let keys = match selection {
            Selection::Tasks(tasks) => Some(tasks.into_iter().map(|(_, key)| key).collect()),
            Selection::Unfinished => None,
        };
        Ok((keys, list.looked))
    }

    fn assign(
        &mut self,
        claim: &Claim,
        profile: &WorkerProfile,
        id: TaskId,
    ) -> Result<Assignment, Error> {
        let until = claim.now.plus(claim.lease);
        let Some(mut task) = self.db.task(id)? else {
            return Err(Error::corrupt("a claimable task", "it is not there"));
        };
        let model = match profile.model_for(&task.task_type) {
            Some(model) => Some(self.model(model)?),
            None => None,
        };
        self.db.execute::<InsertLease>((
            id,
            &claim.worker,
            id,
            micros(claim.now),
            micros(until),
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            model,
        ))?;
        let before = Seen::of(&task);
        task.lease_count += 1;
        // Handing out a replica frees none and closes nothing.
        self.note_change(before, &task, &mut Effects::default());
        self.save(&task)?;
        let leased = Event::leased(&task, claim.worker.clone(), until);
        self.log(leased, claim.now);
        Ok(Assignment::new(id, task.text, task.task_type, until))
    }
}
