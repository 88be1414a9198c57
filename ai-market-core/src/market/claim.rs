use std::sync::Arc;
use std::time::Duration;

use crate::assignment::Assignment;
use crate::event::Event;
use crate::id::{TaskId, TaskType};
use crate::store::{
    Candidate, ClaimKey, ClaimableQuery, Claimant, Involvement, LeaseRow, Needs, TransactionError,
    WorkerProfile,
};
use crate::time::Timestamp;

use super::context::{TaskSnapshot, inconsistent};
use super::frontier::{Look, View, passed};
use super::instance::{InstanceCheck, check_claim};
use super::lease_end::MAX_LOSSES_PER_OWNER;
use super::operation::Operation;
use super::renew::renewed_until;
use super::{Claim, ClaimFrontier, Claimed, Context, Report};

/// How many claimable tasks a claim looks at before it lets others go first. Hardly any claim needs
/// more: only one whose worker has answered a long run of open tasks, after a restart.
const FIRST_BUDGET: usize = 256;

/// How many it looks at in each later turn: a few milliseconds.
const BUDGET: usize = 2_000;

/// The size of the largest page.
const MAX_PAGE: usize = 1_024;

/// A worker asks for tasks.
pub(super) struct ClaimStep {
    claim: Claim,
    /// How far it has looked, by type; only a hint.
    looks: Vec<TypeLook>,
    /// Whether the last turn ended before the look did.
    paused: bool,
    /// What the worker said of itself at the last run.
    profile: Option<Arc<WorkerProfile>>,
}

/// A look through the claimable tasks of a type, over one or several turns.
#[derive(Debug)]
struct TypeLook {
    task_type: TaskType,
    claimant: Claimant,
    view: View,
    /// What is left to look at behind the cursor, last first.
    behind: Vec<ClaimKey>,
    after: Option<ClaimKey>,
    page: usize,
    /// Whether every key up to `after` may be passed for good.
    settled: bool,
    look: Look,
    /// Tasks that are for the worker.
    found: Vec<ClaimKey>,
}

impl ClaimStep {
    pub(super) const fn new(claim: Claim) -> Self {
        Self {
            claim,
            looks: Vec::new(),
            paused: false,
            profile: None,
        }
    }

    /// The size of the first page: most of its tasks are for the worker.
    fn first_page(&self) -> usize {
        self.claim.limit.clamp(1, MAX_PAGE)
    }

    /// Begins a look through each type that the worker is given tasks of.
    fn begin(&mut self, cx: &Context<'_>, profile: &WorkerProfile, types: &[&TaskType]) {
        let mut frontier = cx.shared.frontier();
        let page = self.first_page();
        let looks = types.iter().map(|task_type| {
            let view = frontier.view(&profile.worker, task_type, BUDGET, cx.now());
            let mut behind = view.behind.clone();
            behind.reverse();
            TypeLook {
                task_type: TaskType::clone(task_type),
                claimant: claimant(profile, task_type),
                behind,
                after: view.after,
                page,
                settled: true,
                look: Look {
                    reached: view.after,
                    ..Look::default()
                },
                found: Vec::new(),
                view,
            }
        });
        self.looks = looks.collect();
    }
}

fn claimant(profile: &WorkerProfile, task_type: &TaskType) -> Claimant {
    Claimant::new(
        profile.worker.clone(),
        profile.owner.clone(),
        profile.model_for(task_type).cloned(),
    )
}

impl Operation for ClaimStep {
    type Outcome = Claimed;

    fn needs(&self, frontier: &mut ClaimFrontier) -> Needs {
        let worker = &self.claim.worker;
        let needs = match &self.claim.request {
            Some(_) => Needs::new().with_holder(worker.clone()),
            None => Needs::new().with_workers([worker.clone()]),
        };
        if self.paused {
            return self
                .looks
                .iter()
                .fold(needs, |needs, look| look.needs(needs));
        }
        let known = frontier.profile(worker).cloned();
        let Some(profile) = self.profile.clone().or(known) else {
            return needs;
        };
        profile.capabilities.iter().fold(needs, |needs, task_type| {
            let page = self.first_page();
            let (behind, after) = frontier.peek(worker, task_type, page);
            needs
                .with_candidates(behind.into_iter().map(|key| key.id()))
                .with_claim(ClaimableQuery::new(
                    claimant(&profile, task_type),
                    task_type.clone(),
                    after,
                    page,
                ))
        })
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Claimed>, TransactionError> {
        let worker = self.claim.worker.clone();
        let Some(row) = cx.tx.worker(&worker)? else {
            return Ok(Some(Claimed::UnknownWorker));
        };
        let (profile, standings) = (&row.profile, &row.standings);
        match check_claim(&self.claim, profile) {
            InstanceCheck::Current => {}
            InstanceCheck::Superseded => return Ok(Some(Claimed::Superseded)),
            InstanceCheck::Unregistered => return Ok(Some(Claimed::UnknownWorker)),
        }
        if let Some(entry) = standings.suspension(&profile.capabilities) {
            let reason = entry.standing.reason().unwrap_or_default().to_owned();
            return Ok(Some(Claimed::Suspended(reason)));
        }
        cx.sign_of_life(&row)?;
        let held = match &self.claim.request {
            Some(request) => {
                let mut held = cx.tx.leases_held(&worker)?;
                let count = held.len();
                held.retain(|(_, lease)| {
                    lease.request.as_ref() == Some(request) && lease.instance == profile.instance
                });
                if !held.is_empty() {
                    let again = hand_back(cx, self.claim.lease, held)?;
                    return Ok(Some(Claimed::Repeated(again)));
                }
                count
            }
            None => cx.tx.count_held(&worker)?,
        };
        let max_leases = standings.max_leases(&profile.capabilities, self.claim.max_leases);
        let room = self.claim.limit.min(max_leases.saturating_sub(held));
        let types: Vec<_> = standings.allowed(&profile.capabilities).collect();
        let known = self.profile.as_ref();
        let goes_on = std::mem::take(&mut self.paused)
            && known.is_some_and(|known| known == profile)
            && self
                .looks
                .iter()
                .map(|look| &look.task_type)
                .eq(types.iter().copied());
        self.profile = Some(Arc::clone(profile));
        if room == 0 {
            self.looks.clear();
            return Ok(Some(Claimed::Assigned(Vec::new())));
        }
        let budget = if goes_on { BUDGET } else { FIRST_BUDGET };
        if !goes_on {
            self.begin(cx, profile, &types);
        }
        // What was found in an earlier turn is looked at again, beyond the budget.
        let budget = budget.saturating_add(room.saturating_mul(types.len()));
        let mut left = budget;
        let mut finished = true;
        for look in &mut self.looks {
            match look.advance(cx, room, &mut left) {
                Ok(ended) => finished &= ended,
                // What was seen in this turn is kept, and only the rest is fetched for the next one.
                // Otherwise tasks that others insert or take could hold up the look for ever.
                Err(TransactionError::Missing(_)) if left < budget => finished = false,
                Err(error) => {
                    self.paused = goes_on;
                    return Err(error);
                }
            }
        }
        if !finished {
            for look in &mut self.looks {
                look.pause();
            }
            self.paused = true;
            return Ok(None);
        }
        let mut assignments = Vec::new();
        for (key, place) in select(&mut self.looks, room) {
            let task_type = &self.looks[place].task_type;
            assignments.push(assign(cx, &self.claim, profile, key, task_type)?);
        }
        Ok(Some(Claimed::Assigned(assignments)))
    }

    fn remember(&mut self, frontier: &mut ClaimFrontier, now: Timestamp) {
        for look in &self.looks {
            let worker = &look.claimant.worker;
            frontier.note(worker, &look.task_type, &look.view, &look.look, now);
        }
        if let Some(profile) = &self.profile {
            frontier.set_profile(profile);
        }
    }

    fn report<'a>(&'a self, outcome: &'a Claimed) -> Report<'a> {
        match outcome {
            Claimed::Assigned(assignments) => Report::Claimed(assignments),
            // Its leases were counted when it got them first.
            Claimed::Repeated(_)
            | Claimed::UnknownWorker
            | Claimed::Superseded
            | Claimed::Suspended(_) => Report::Other,
        }
    }
}

impl TypeLook {
    /// Looks on until `room` tasks for the worker are found or there are no more, and returns whether
    /// it came so far with what is `left` of the budget.
    fn advance(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        left: &mut usize,
    ) -> Result<bool, TransactionError> {
        while !self.behind.is_empty() {
            let n = room.saturating_sub(self.found.len()).min(self.behind.len());
            let n = n.min(self.page);
            if n == 0 {
                return Ok(true);
            }
            if *left == 0 {
                return Ok(false);
            }
            let n = n.min(*left);
            let keys: Vec<_> = self.behind.iter().rev().take(n).copied().collect();
            let candidates = cx.tx.claimable_at(&self.claimant, &keys)?;
            *left -= n;
            self.behind.truncate(self.behind.len() - n);
            self.look.struck.extend(keys);
            for candidate in candidates {
                self.take(candidate);
            }
        }
        while self.found.len() < room {
            if *left == 0 {
                return Ok(false);
            }
            let limit = self.page.min(*left);
            let query = ClaimableQuery::new(
                self.claimant.clone(),
                self.task_type.clone(),
                self.after,
                limit,
            );
            let page = cx.tx.claimable_after(&query)?;
            self.look.shared |= page.settled_before.is_some();
            *left -= page.candidates.len().min(*left);
            for candidate in page.candidates {
                let key = candidate.key();
                self.after = Some(key);
                if self.settled {
                    let (reached, settled) = passed(self.look.reached, key, page.settled_before);
                    self.look.reached = reached;
                    self.settled = settled;
                }
                self.take(candidate);
                if self.found.len() == room {
                    return Ok(true);
                }
            }
            if page.ended {
                return Ok(true);
            }
            self.grow_page();
        }
        Ok(true)
    }

    /// What it looks at first in its next turn.
    fn needs(&self, needs: Needs) -> Needs {
        let behind = self.behind.iter().rev().take(self.page);
        needs
            .with_candidates(behind.map(ClaimKey::id))
            .with_claim(ClaimableQuery::new(
                self.claimant.clone(),
                self.task_type.clone(),
                self.after,
                self.page,
            ))
    }

    fn grow_page(&mut self) {
        self.page = (self.page * 4).min(MAX_PAGE);
    }

    fn take(&mut self, candidate: Candidate) {
        match candidate {
            Candidate::Skipped(key) => self.look.kept.push(key),
            Candidate::Found {
                key,
                distinct_models,
                involvement,
            } => {
                let known_model = self.claimant.model.is_some();
                if is_for_claimant(distinct_models, known_model, involvement) {
                    self.found.push(key);
                }
            }
        }
    }

    /// Keeps what was found for the next turn, in which others may have taken it.
    fn pause(&mut self) {
        if !self.behind.is_empty() {
            self.grow_page();
        }
        self.behind.extend(self.found.drain(..).rev());
    }
}

/// Whether a claimable task may be given to a claimant (rule 1): neither it nor another worker of
/// its owner holds or has answered the task; they have not lost it too often; and where the task asks
/// for distinct models, it says which model it runs, and no other answer is of that one.
const fn is_for_claimant(
    distinct_models: bool,
    known_model: bool,
    involvement: Involvement,
) -> bool {
    let Involvement {
        worker,
        owner,
        model,
        losses,
    } = involvement;
    let suits = !distinct_models || known_model && !model;
    !worker && !owner && losses < MAX_LOSSES_PER_OWNER && suits
}

/// The first `room` of the tasks that were found of all types, each with the place of its look. The
/// others are kept for later.
fn select(looks: &mut [TypeLook], room: usize) -> Vec<(ClaimKey, usize)> {
    let found = looks.iter().enumerate();
    let found = found.flat_map(|(place, look)| look.found.iter().map(move |key| (*key, place)));
    let mut tasks: Vec<_> = found.collect();
    tasks.sort_unstable();
    for (key, place) in tasks.drain(room.min(tasks.len())..) {
        looks[place].look.kept.push(key);
    }
    tasks
}

/// Gives a worker leases again that it holds, in the order in which it got them first.
///
/// They are renewed, like those that a heartbeat names: part of their time has passed, and no
/// heartbeat of a worker that has not heard of them could name them.
fn hand_back(
    cx: &mut Context<'_>,
    lease_time: Duration,
    held: Vec<(TaskId, LeaseRow)>,
) -> Result<Vec<Assignment>, TransactionError> {
    let mut assignments = Vec::with_capacity(held.len());
    for (id, lease) in held {
        let task = cx.tx.task(id)?;
        let task = task.ok_or_else(|| inconsistent("a leased task is not there"))?;
        let until = renewed_until(lease.until, lease_time, cx.now());
        if until != lease.until {
            cx.tx.put_lease(id, &LeaseRow { until, ..lease })?;
        }
        let key = ClaimKey::new(task.priority, id);
        let again = Assignment::new(id, task.text, task.task_type, until);
        assignments.push((key, again));
    }
    assignments.sort_unstable_by_key(|(key, _)| *key);
    Ok(assignments.into_iter().map(|(_, again)| again).collect())
}

fn assign(
    cx: &mut Context<'_>,
    claim: &Claim,
    profile: &WorkerProfile,
    key: ClaimKey,
    task_type: &TaskType,
) -> Result<Assignment, TransactionError> {
    let until = cx.now().plus(claim.lease);
    let task = cx.tx.task(key.id())?;
    let mut task = task.ok_or_else(|| inconsistent("a claimable task is not there"))?;
    let mut lease = LeaseRow::new(claim.worker.clone(), cx.now(), until);
    lease.owner.clone_from(&profile.owner);
    lease.instance.clone_from(&profile.instance);
    lease.request.clone_from(&claim.request);
    lease.model = profile.model_for(task_type).cloned();
    cx.tx.put_lease(task.id, &lease)?;
    let before = TaskSnapshot::of(&task);
    task.lease_count += 1;
    cx.update_task(before, &task)?;
    cx.log(Event::leased(&task, claim.worker.clone(), until))?;
    Ok(Assignment::new(task.id, task.text, task.task_type, until))
}
