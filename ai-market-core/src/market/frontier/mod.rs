mod cursors;
mod openings;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{TaskId, TaskType, WorkerId};
use crate::store::{ClaimKey, WorkerProfile};
use crate::time::Timestamp;

use cursors::{Cursor, Cursors};
use openings::{Filled, Openings};

/// Remembers, per worker and task type, how far it has looked through the claimable tasks, so that
/// a claim does not look again at what the worker holds or has answered.
///
/// The claimable tasks of a type form a list ordered by [`ClaimKey`]. A worker's cursor says that
/// no task at or before it is for the worker, but for those noted as *opened* since. The market
/// - calls [`opened`](Self::opened) whenever a task may have become something for a worker that
///   passed it: it was put in, a lease on it ended without a vote, or more votes are wanted;
/// - calls [`filled`](Self::filled) whenever nobody may claim a task any more until it is opened again;
/// - begins a claim with a [`view`](Self::view) of each type, looks through the tasks
///   [behind](View::behind) the cursor and then those [after](View::after) it, and
///   [notes](Self::note) what it learned;
/// - calls [`forget`](Self::forget) when tasks may be for a worker that were not before (its owner
///   changed).
///
/// All of that happens once a step is durable, in the order of commits, so that nothing is remembered
/// of a step that was undone. What was opened between a view and its note is taken in by the note.
///
/// It is only a memory of what need not be looked at: losing it costs one look through the list.
/// Its size is bounded; where a bound is reached, cursors start again from the beginning.
#[derive(Debug, Default)]
pub(super) struct ClaimFrontier {
    types: HashMap<TaskType, TypeFrontier>,
    /// Counts what makes earlier views worthless.
    generation: u64,
    /// What workers said of themselves at their last claim.
    profiles: HashMap<WorkerId, Arc<WorkerProfile>>,
}

/// The most openings per task type that a note takes in which its view did not know of.
pub(super) const MAX_RECENT: usize = 1 << 12;

/// The most workers whose profile is remembered.
pub(super) const MAX_PROFILES: usize = 1 << 14;

/// How long a cursor is kept where other processes write as well, which tell nobody of what they
/// open.
pub(super) const SHARED_CURSOR_LIFETIME: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct TypeFrontier {
    /// Keys at or before some cursor that were opened and are claimable still.
    openings: Openings,
    /// Keys that are not claimable.
    filled: Filled,
    /// The last keys that were opened, whether or not before a cursor; the first has this number.
    recent: VecDeque<ClaimKey>,
    first_recent: u64,
    /// Keys at or before some cursor that were opened by steps which have run and are not finished, with
    /// how many such steps there are.
    expected: BTreeMap<ClaimKey, u32>,
    /// No cursor is beyond this one.
    furthest: Option<ClaimKey>,
    cursors: Cursors,
}

/// Where a look through the claimable tasks of a type begins.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// Tasks behind the cursor that were opened since the worker passed them, in order.
    pub(super) behind: Vec<ClaimKey>,
    /// The cursor: only tasks after this place are new to the worker.
    pub(super) after: Option<ClaimKey>,
    generation: u64,
    /// The number of the next recent opening.
    next_recent: u64,
}

/// What a look through the claimable tasks of a type found.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Tasks behind the cursor that the worker takes, or that are not for it.
    pub(super) struck: Vec<ClaimKey>,
    /// Tasks that are for the worker, which does not take them now, and tasks of which nothing is
    /// known.
    pub(super) kept: Vec<ClaimKey>,
    /// Up to where it looked; every task up to there is taken, kept, or not for the worker.
    pub(super) reached: Option<ClaimKey>,
    /// Whether other processes write as well.
    pub(super) shared: bool,
}

impl TypeFrontier {
    fn end_recent(&self) -> u64 {
        self.first_recent + self.recent.len() as u64
    }

    /// Takes out the worker's cursor, with all openings taken in.
    fn take_cursor(&mut self, worker: &WorkerId) -> Cursor {
        self.cursors.take(worker, &self.openings, &self.filled)
    }
}

impl ClaimFrontier {
    /// Notes that the task at `key` will be [opened](Self::opened) if the step that has run is committed,
    /// so that a claim which runs after it in the same transaction looks there as well.
    pub(super) fn expect(&mut self, task_type: &TaskType, key: ClaimKey) {
        if let Some(frontier) = self.types.get_mut(task_type)
            && frontier.furthest.is_some_and(|furthest| key <= furthest)
        {
            *frontier.expected.entry(key).or_default() += 1;
        }
    }

    /// Takes an expectation back: its step is finished, or will run again.
    pub(super) fn no_longer_expect(&mut self, task_type: &TaskType, key: ClaimKey) {
        if let Some(frontier) = self.types.get_mut(task_type)
            && let Entry::Occupied(mut steps) = frontier.expected.entry(key)
        {
            *steps.get_mut() -= 1;
            if *steps.get() == 0 {
                steps.remove();
            }
        }
    }

    /// Notes that the task at `key` may be for workers that passed it.
    pub(super) fn opened(&mut self, task_type: &TaskType, key: ClaimKey) {
        let Some(frontier) = self.types.get_mut(task_type) else {
            return;
        };
        if frontier.recent.len() == MAX_RECENT {
            frontier.recent.pop_front();
            frontier.first_recent += 1;
        }
        frontier.recent.push_back(key);
        if frontier.furthest.is_some_and(|furthest| key <= furthest) {
            frontier.filled.remove(key);
            frontier.openings.push(key);
        }
    }

    /// Notes that nobody may claim the task at `key` any more until it is opened again.
    pub(super) fn filled(&mut self, task_type: &TaskType, key: ClaimKey) {
        if let Some(frontier) = self.types.get_mut(task_type)
            && frontier.furthest.is_some_and(|furthest| key <= furthest)
        {
            frontier.openings.remove(key);
            frontier.filled.insert(key);
        }
    }

    /// Where the worker's look through the tasks of a type begins, with at most `limit` tasks behind
    /// its cursor.
    pub(super) fn view(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        limit: usize,
        now: Timestamp,
    ) -> View {
        let generation = self.generation;
        let frontier = match self.types.get_mut(task_type) {
            Some(frontier) => frontier,
            None => self.types.entry(task_type.clone()).or_default(),
        };
        let next_recent = frontier.end_recent();
        let mut cursor = frontier.take_cursor(worker);
        if cursor.ends.is_some_and(|ends| ends <= now) {
            cursor = Cursor::starting(&frontier.openings);
        }
        let after = cursor.at;
        let mut behind = cursor.first_behind(limit, &frontier.filled);
        frontier.cursors.put(worker, cursor);
        let expected = frontier.expected.keys();
        let expected = expected.take_while(|key| Some(**key) <= after).take(limit);
        let before = behind.len();
        behind.extend(expected);
        if behind.len() > before {
            behind.sort_unstable();
            behind.dedup();
        }
        View {
            behind,
            after,
            generation,
            next_recent,
        }
    }

    /// Takes over what a look that began with `view` found.
    pub(super) fn note(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        view: &View,
        look: &Look,
        now: Timestamp,
    ) {
        if view.generation != self.generation {
            return;
        }
        let Some(frontier) = self.types.get_mut(task_type) else {
            return;
        };
        if view.next_recent < frontier.first_recent {
            // So much was opened meanwhile that some of it is not known any more.
            return;
        }
        let opened = frontier.recent.iter();
        let opened: Vec<_> = opened
            .skip((view.next_recent - frontier.first_recent) as usize)
            .copied()
            .collect();
        frontier.furthest = frontier.furthest.max(look.reached);
        let mut cursor = frontier.take_cursor(worker);
        if cursor.at < view.after {
            // It began again meanwhile, and knows nothing of what lies before the view.
            frontier.cursors.put(worker, cursor);
            return;
        }
        cursor.at = cursor.at.max(look.reached);
        let at = cursor.at;
        for key in &look.struck {
            cursor.behind.remove(key);
        }
        for key in &look.kept {
            // The look has seen that it is claimable, or knows nothing of it. Another process may have
            // opened it, which tells nobody.
            frontier.filled.remove(*key);
        }
        let behind = look.kept.iter().chain(&opened);
        cursor.behind.extend(behind.filter(|key| Some(**key) <= at));
        if look.shared && cursor.ends.is_none() {
            cursor.ends = Some(now.plus(SHARED_CURSOR_LIFETIME));
        }
        frontier.cursors.put(worker, cursor);
    }

    /// What a worker said of itself at its last claim.
    pub(super) fn profile(&self, worker: &WorkerId) -> Option<&Arc<WorkerProfile>> {
        self.profiles.get(worker)
    }

    /// Remembers what a worker said of itself.
    pub(super) fn set_profile(&mut self, profile: &Arc<WorkerProfile>) {
        let known = self.profiles.get_mut(&profile.worker);
        match known {
            Some(known) if Arc::ptr_eq(known, profile) => {}
            Some(known) => *known = Arc::clone(profile),
            None => {
                if self.profiles.len() >= MAX_PROFILES {
                    self.profiles.clear();
                }
                self.profiles
                    .insert(profile.worker.clone(), Arc::clone(profile));
            }
        }
    }

    /// Where a view of the worker's would begin, without beginning one: at most `limit` tasks behind
    /// its cursor, and the cursor.
    pub(super) fn peek(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        limit: usize,
    ) -> (Vec<ClaimKey>, Option<ClaimKey>) {
        let frontier = self.types.get_mut(task_type);
        match frontier.filter(|frontier| frontier.cursors.contains(worker)) {
            Some(frontier) => {
                let mut cursor = frontier.take_cursor(worker);
                let behind = cursor.first_behind(limit, &frontier.filled);
                let at = cursor.at;
                frontier.cursors.put(worker, cursor);
                (behind, at)
            }
            None => (Vec::new(), None),
        }
    }

    /// Starts the worker's look through every list again from the beginning.
    pub(super) fn forget(&mut self, worker: &WorkerId) {
        self.generation += 1;
        for frontier in self.types.values_mut() {
            frontier.cursors.remove(worker);
        }
    }

    /// Starts every worker's look through every list again from the beginning.
    pub(super) fn clear(&mut self) {
        self.generation += 1;
        self.types.clear();
        self.profiles.clear();
    }
}

/// Up to where a look gets that has passed `reached` and now passes `key`: not beyond what
/// transactions of other processes may still insert.
pub(super) fn passed(
    reached: Option<ClaimKey>,
    key: ClaimKey,
    settled_before: Option<TaskId>,
) -> (Option<ClaimKey>, bool) {
    if settled_before.is_some_and(|settled| key.id() >= settled) {
        (reached, false)
    } else {
        (reached.max(Some(key)), true)
    }
}
