use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::id::{TaskId, TaskType, WorkerId};

/// The place of a task in the order in which tasks of one type are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    priority: Reverse<i32>,
    id: TaskId,
}

impl ClaimKey {
    /// The place of task `id` of this priority: higher priority first, then oldest first.
    #[must_use]
    pub const fn new(priority: i32, id: TaskId) -> Self {
        Self {
            priority: Reverse(priority),
            id,
        }
    }

    /// The priority of the task.
    #[must_use]
    pub const fn priority(&self) -> i32 {
        self.priority.0
    }

    /// The task.
    #[must_use]
    pub const fn id(&self) -> TaskId {
        self.id
    }
}

/// Remembers, per worker and task type, how far it has looked through the claimable tasks, so that
/// a claim does not look again at what the worker holds or has answered.
///
/// The claimable tasks of a type form a list ordered by [`ClaimKey`]. A worker's cursor says that
/// no task at or before it is for the worker, but for those noted as *opened* since. A store
/// - calls [`opened`](Self::opened) whenever a task of the list may have become something for a
///   worker that passed it: it was put in, a lease on it ended without a vote, or more votes are
///   wanted;
/// - on a claim calls [`select`](Self::select), which looks first at the
///   [`candidates`](Self::candidates) behind the cursor, striking those that turn out not to be for
///   the worker, and then through the list from the [`cursor`](Self::cursor) on;
/// - calls [`forget`](Self::forget) when tasks may be for a worker that were not before (its owner
///   changed), and [`clear`](Self::clear) when a step that it told of did not happen after all.
///
/// It is only a memory of what need not be looked at: losing it costs one look through the list.
/// Its size is bounded; where a bound is reached, cursors start again from the beginning.
#[derive(Debug, Default)]
pub struct ClaimFrontier {
    types: HashMap<TaskType, TypeFrontier>,
}

/// The most openings remembered per task type.
const MAX_OPENED: usize = 1 << 16;

/// The most candidates behind one cursor.
const MAX_BEHIND: usize = 1 << 13;

/// The most cursors per task type.
const MAX_CURSORS: usize = 1 << 12;

#[derive(Debug, Default)]
struct TypeFrontier {
    /// Keys at or before some cursor that were opened, oldest first; the first has this number.
    opened: VecDeque<ClaimKey>,
    first: u64,
    /// No cursor is beyond this one.
    furthest: Option<ClaimKey>,
    cursors: HashMap<WorkerId, Cursor>,
}

#[derive(Debug, Default)]
struct Cursor {
    at: Option<ClaimKey>,
    /// The number of the next opening that this cursor has not taken in.
    next: u64,
    behind: BTreeSet<ClaimKey>,
}

impl TypeFrontier {
    fn end(&self) -> u64 {
        self.first + self.opened.len() as u64
    }

    /// The worker's cursor with all openings taken in.
    fn caught_up(&mut self, worker: &WorkerId) -> &mut Cursor {
        let end = self.end();
        if !self.cursors.contains_key(worker) {
            if self.cursors.len() >= MAX_CURSORS {
                // Workers that are gone are not told from those that are here; those begin again.
                self.cursors.clear();
            }
            self.cursors.insert(
                worker.clone(),
                Cursor {
                    next: end,
                    ..Cursor::default()
                },
            );
        }
        let cursor = self.cursors.entry(worker.clone()).or_default();
        if cursor.next < self.first {
            *cursor = Cursor {
                next: end,
                ..Cursor::default()
            };
        }
        let unread = (cursor.next - self.first) as usize;
        if let Some(at) = cursor.at {
            cursor
                .behind
                .extend(self.opened.range(unread..).filter(|key| **key <= at));
        }
        cursor.next = end;
        if cursor.behind.len() > MAX_BEHIND {
            *cursor = Cursor {
                next: end,
                ..Cursor::default()
            };
        }
        cursor
    }
}

impl ClaimFrontier {
    /// A frontier that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that the task at `key` may be for workers that passed it.
    pub fn opened(&mut self, task_type: &TaskType, key: ClaimKey) {
        let Some(frontier) = self.types.get_mut(task_type) else {
            return;
        };
        if frontier.furthest.is_none_or(|furthest| key > furthest) {
            return;
        }
        if frontier.opened.len() == MAX_OPENED {
            frontier.opened.pop_front();
            frontier.first += 1;
        }
        frontier.opened.push_back(key);
    }

    /// Up to `limit` tasks behind the worker's cursor that were opened since it passed, in order.
    pub fn candidates(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        limit: usize,
    ) -> Vec<ClaimKey> {
        let Some(frontier) = self.types.get_mut(task_type) else {
            return Vec::new();
        };
        frontier
            .caught_up(worker)
            .behind
            .iter()
            .take(limit)
            .copied()
            .collect()
    }

    /// Where the worker's look through the list begins: after this task, or at the beginning.
    #[must_use]
    pub fn cursor(&self, worker: &WorkerId, task_type: &TaskType) -> Option<ClaimKey> {
        let frontier = self.types.get(task_type)?;
        let cursor = frontier.cursors.get(worker)?;
        if cursor.next < frontier.first {
            None
        } else {
            cursor.at
        }
    }

    /// Notes that the worker takes the task at `key`, or that it is not for it.
    ///
    /// Strikes it from the candidates, or moves the cursor there when it lies beyond.
    pub fn passed(&mut self, worker: &WorkerId, task_type: &TaskType, key: ClaimKey) {
        self.reached(worker, task_type, key).behind.remove(&key);
    }

    /// Notes that the task at `key` is for the worker, which does not take it now: it stays among
    /// the candidates, and the cursor moves there when it lies beyond.
    pub fn kept(&mut self, worker: &WorkerId, task_type: &TaskType, key: ClaimKey) {
        self.reached(worker, task_type, key).behind.insert(key);
    }

    /// The worker's cursor, moved to `key` when that lies beyond.
    fn reached(&mut self, worker: &WorkerId, task_type: &TaskType, key: ClaimKey) -> &mut Cursor {
        let frontier = self.types.entry(task_type.clone()).or_default();
        frontier.furthest = frontier.furthest.max(Some(key));
        let cursor = frontier.caught_up(worker);
        cursor.at = cursor.at.max(Some(key));
        cursor
    }

    /// Starts the worker's look through every list again from the beginning.
    pub fn forget(&mut self, worker: &WorkerId) {
        for frontier in self.types.values_mut() {
            frontier.cursors.remove(worker);
        }
    }

    /// Starts every worker's look through every list again from the beginning.
    pub fn clear(&mut self) {
        self.types.clear();
    }
}
