use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use crate::store::memory::state::State;
use crate::store::{Absence, ClaimableQuery, ClosedQuery, Needs, Overdue};
use crate::time::Timestamp;

use super::claim_ranges::ClaimRanges;
use super::locks::{Locks, Row};

/// What a transaction has fetched and locked.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// Every row there is.
    pub(super) everything: bool,
    /// The locked rows.
    pub(super) rows: BTreeSet<Row>,
    /// Workers of which all tasks and track records are there.
    pub(super) holders: BTreeSet<WorkerId>,
    /// Parts of the lists of claimable tasks.
    pub(super) claims: HashMap<TaskType, ClaimRanges>,
    /// Claimable tasks that were locked by others.
    pub(super) skipped: BTreeSet<TaskId>,
    /// What has run out.
    pub(super) overdue: Option<FetchedOverdue>,
    /// A look-up of closed tasks, with those that it found.
    pub(super) closed: Option<(ClosedQuery, BTreeSet<TaskId>)>,
    /// The types of the tasks, with the workers that hold or have answered one; these are there to
    /// be read, and are not locked.
    parties: BTreeMap<TaskType, BTreeSet<WorkerId>>,
}

/// What a look-up of overdue rows found.
#[derive(Debug)]
pub(super) struct FetchedOverdue {
    /// The look-up.
    pub(super) query: Overdue,
    pub(super) tasks: BTreeSet<TaskId>,
    pub(super) stale: BTreeSet<WorkerId>,
    pub(super) gone: BTreeSet<WorkerId>,
    pub(super) unused: BTreeSet<WorkerId>,
}

impl Fetched {
    /// Finds the rows that `needs` names or describes; `None` when others have some of them locked
    /// that are waited for.
    pub(super) fn find(
        state: &State,
        locks: &Locks,
        needs: &Needs,
        now: Timestamp,
    ) -> Option<Self> {
        if !locks.admits(needs.everything) {
            return None;
        }
        let mut fetched = Self {
            everything: needs.everything,
            ..Self::default()
        };
        if needs.everything {
            return Some(fetched);
        }
        fetched.find_named(state, needs);
        if needs.overdue.is_some() {
            fetched.rows.insert(Row::Service);
        }
        if fetched.rows.iter().any(|row| locks.is_locked(row)) {
            return None;
        }
        // What others have locked is waited for up to here, and passed over from here on.
        if let Some(query) = needs.overdue {
            fetched.find_overdue(state, locks, query, now);
        }
        if let Some(query) = needs.closed {
            fetched.find_closed(state, locks, query);
        }
        for id in &needs.candidates {
            fetched.add_candidate(locks, *id);
        }
        fetched.find_claimable(state, locks, &needs.claims);
        Some(fetched)
    }

    fn find_named(&mut self, state: &State, needs: &Needs) {
        let rows = &mut self.rows;
        let workers = needs.workers.iter().chain(&needs.holders);
        rows.extend(workers.cloned().map(Row::Worker));
        rows.extend(needs.names.iter().cloned().map(Row::Name));
        let named = needs.names.iter().filter_map(|name| state.names.get(name));
        let held = needs.holders.iter().flat_map(|holder| held(state, holder));
        let tasks = needs.tasks.iter().chain(named).copied().chain(held);
        rows.extend(tasks.map(Row::Task));
        self.holders.clone_from(&needs.holders);
    }

    fn find_overdue(&mut self, state: &State, locks: &Locks, query: Overdue, now: Timestamp) {
        let free = |id: &TaskId| !locks.is_locked(&Row::Task(*id));
        let free_worker = |id: &WorkerId| !locks.is_locked(&Row::Worker(id.clone()));
        let leases = state.index.expiries.iter();
        let leases = leases.take_while(|(until, ..)| *until < now);
        let leases = leases.map(|(_, id, _)| *id).filter(free);
        let deadlines = state.index.deadlines.iter();
        let deadlines = deadlines.take_while(|(deadline, _)| *deadline <= now);
        let deadlines = deadlines.map(|(_, id)| *id).filter(free);
        let mut tasks: BTreeSet<_> = leases.take(query.limit).collect();
        tasks.extend(deadlines.take(query.limit));
        let silent = |absence, after| {
            let silent = state.silent(absence, now.minus(after), usize::MAX);
            let silent = silent.into_iter().map(|silent| silent.worker);
            silent.filter(free_worker)
        };
        let mut stale = BTreeSet::new();
        if let Some(after) = query.stale_after {
            stale.extend(silent(Absence::Present, after).take(query.limit));
        }
        let mut gone = BTreeSet::new();
        if let Some(after) = query.gone_after {
            // A worker whose tasks cannot be had is left for the next time.
            let whole = silent(Absence::Stale, after)
                .filter(|worker| held(state, worker).all(|task| free(&task)));
            gone.extend(whole.take(query.limit));
        }
        let mut unused = BTreeSet::new();
        if let Some(after) = query.unused_after {
            let all = state.unused(now.minus(after), usize::MAX).into_iter();
            unused.extend(all.filter(free_worker).take(query.limit));
        }
        tasks.extend(gone.iter().flat_map(|worker| held(state, worker)));
        self.rows.extend(tasks.iter().copied().map(Row::Task));
        let workers = stale.iter().chain(&gone).chain(&unused).cloned();
        self.rows.extend(workers.map(Row::Worker));
        self.holders.extend(gone.iter().cloned());
        self.overdue = Some(FetchedOverdue {
            query,
            tasks,
            stale,
            gone,
            unused,
        });
    }

    fn find_closed(&mut self, state: &State, locks: &Locks, query: ClosedQuery) {
        let closed = state.closed(&query).map(|task| task.id);
        let free = closed.filter(|id| !locks.is_locked(&Row::Task(*id)));
        let found: BTreeSet<_> = free.take(query.limit).collect();
        self.rows.extend(found.iter().copied().map(Row::Task));
        self.closed = Some((query, found));
    }

    fn find_claimable(&mut self, state: &State, locks: &Locks, claims: &[ClaimableQuery]) {
        let mut by_type: BTreeMap<&TaskType, Vec<_>> = BTreeMap::new();
        for claim in claims {
            let queries = by_type.entry(&claim.task_type).or_default();
            queries.push((claim.after, claim.limit));
        }
        let none = BTreeSet::new();
        for (task_type, mut queries) in by_type {
            queries.sort_unstable();
            let list = state.index.claimable.get(task_type).unwrap_or(&none);
            let (ranges, keys) = ClaimRanges::fetch(list, &queries);
            self.claims.insert(task_type.clone(), ranges);
            for key in keys {
                self.add_candidate(locks, key.id());
            }
        }
    }

    fn add_candidate(&mut self, locks: &Locks, id: TaskId) {
        let row = Row::Task(id);
        if locks.is_locked(&row) {
            self.skipped.insert(id);
        } else {
            self.rows.insert(row);
        }
    }

    /// Fetches who is involved with the tasks, and returns whether there are any.
    pub(super) fn bring_parties(&mut self, state: &State) -> bool {
        for row in &self.rows {
            let Row::Task(id) = row else {
                continue;
            };
            if let Some(row) = state.tasks.get(id) {
                let task_type = row.task.task_type.clone();
                let parties = self.parties.entry(task_type).or_default();
                parties.extend(row.votes.iter().map(|vote| vote.worker.clone()));
                parties.extend(row.leases.iter().map(|lease| lease.worker.clone()));
            }
        }
        !self.parties.is_empty()
    }

    /// Whether a row is there, and locked.
    pub(super) fn has(&self, row: &Row) -> bool {
        self.everything || self.rows.contains(row)
    }

    pub(super) fn has_task(&self, id: TaskId) -> bool {
        self.has(&Row::Task(id))
    }

    pub(super) fn has_name(&self, name: &IdempotencyKey) -> bool {
        self.has(&Row::Name(name.clone()))
    }

    pub(super) fn has_worker(&self, worker: &WorkerId) -> bool {
        self.has(&Row::Worker(worker.clone()))
    }

    pub(super) fn has_holder(&self, worker: &WorkerId) -> bool {
        self.everything || self.holders.contains(worker)
    }

    /// Whether a worker is there to be read.
    pub(super) fn knows_worker(&self, worker: &WorkerId) -> bool {
        let mut parties = self.parties.values();
        self.has_worker(worker) || parties.any(|parties| parties.contains(worker))
    }

    /// Whether a task of this type is there.
    pub(super) fn knows_type(&self, task_type: &TaskType) -> bool {
        self.everything || self.parties.contains_key(task_type)
    }

    /// Whether the track record of a worker for a type is there.
    pub(super) fn knows_record(&self, task_type: &TaskType, worker: &WorkerId) -> bool {
        let parties = self.parties.get(task_type);
        self.has_holder(worker)
            || parties.is_some_and(|parties| parties.contains(worker) || self.has_worker(worker))
    }
}

/// The tasks on which a worker holds leases.
fn held<'a>(state: &'a State, worker: &WorkerId) -> impl Iterator<Item = TaskId> + use<'a> {
    let held = state.index.held.get(worker);
    held.into_iter().flatten().copied()
}
