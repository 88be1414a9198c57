use std::collections::{BTreeSet, HashMap};

use crate::id::WorkerId;
use crate::store::ClaimKey;
use crate::time::Timestamp;

use super::openings::{Filled, Openings};

/// The most tasks behind one cursor.
pub(super) const MAX_BEHIND: usize = 1 << 13;

/// The most tasks behind all cursors of a task type: some 40 MB.
pub(super) const MAX_BEHIND_ALL: usize = 1 << 20;

/// The most cursors per task type. One takes about 200 bytes.
pub(super) const MAX_CURSORS: usize = 1 << 16;

/// How far one worker has looked through the claimable tasks of a type.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    pub(super) at: Option<ClaimKey>,
    /// The number of the next opening that this cursor has not taken in.
    next: u64,
    /// What it has still to look at of the tasks at or before it.
    pub(super) behind: BTreeSet<ClaimKey>,
    /// When it starts again from the beginning.
    pub(super) ends: Option<Timestamp>,
    /// When it was last used, on a clock of uses.
    used: u64,
}

impl Cursor {
    /// One at the beginning, for which only later openings matter.
    pub(super) fn starting(openings: &Openings) -> Self {
        Self {
            next: openings.next(),
            ..Self::default()
        }
    }

    /// Takes in what was opened since it was used.
    fn catch_up(&mut self, openings: &Openings, filled: &Filled) {
        let Some(opened) = openings.since(self.next) else {
            *self = Self::starting(openings);
            return;
        };
        if let Some(at) = self.at {
            self.behind.extend(opened.filter(|key| *key <= at));
        }
        self.next = openings.next();
        if self.behind.len() > MAX_BEHIND {
            self.behind.retain(|key| !filled.contains(*key));
        }
    }

    /// The first `limit` of the tasks behind it, of which none is filled. Those that are filled are
    /// struck on the way.
    pub(super) fn first_behind(&mut self, limit: usize, filled: &Filled) -> Vec<ClaimKey> {
        let (mut first, mut gone) = (Vec::new(), Vec::new());
        for key in &self.behind {
            if filled.contains(*key) {
                gone.push(*key);
            } else if first.len() < limit {
                first.push(*key);
            } else {
                break;
            }
        }
        for key in &gone {
            self.behind.remove(key);
        }
        first
    }
}

/// The cursors of a task type, of which those used last are kept.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    cursors: HashMap<WorkerId, Cursor>,
    /// How many tasks are behind all of them.
    behind: usize,
    uses: u64,
}

impl Cursors {
    pub(super) fn contains(&self, worker: &WorkerId) -> bool {
        self.cursors.contains_key(worker)
    }

    /// Takes out a worker's cursor, or a new one, with all openings taken in. It starts again where
    /// there is too much behind it.
    pub(super) fn take(
        &mut self,
        worker: &WorkerId,
        openings: &Openings,
        filled: &Filled,
    ) -> Cursor {
        let Some(mut cursor) = self.cursors.remove(worker) else {
            return Cursor::starting(openings);
        };
        self.behind -= cursor.behind.len();
        cursor.catch_up(openings, filled);
        if cursor.behind.len() > MAX_BEHIND {
            cursor = Cursor::starting(openings);
        }
        cursor
    }

    /// Puts a cursor back. Where that is too much, others start again, those first that were not used
    /// for longest.
    pub(super) fn put(&mut self, worker: &WorkerId, mut cursor: Cursor) {
        self.uses += 1;
        cursor.used = self.uses;
        self.behind += cursor.behind.len();
        self.cursors.insert(worker.clone(), cursor);
        while self.cursors.len() > MAX_CURSORS
            || self.behind > MAX_BEHIND_ALL && self.cursors.len() > 1
        {
            self.forget_half();
        }
    }

    pub(super) fn remove(&mut self, worker: &WorkerId) {
        if let Some(cursor) = self.cursors.remove(worker) {
            self.behind -= cursor.behind.len();
        }
    }

    /// Forgets the half that was not used for longest: workers that are gone are among them. Of two or
    /// more cursors the one used last stays, and one goes at least.
    fn forget_half(&mut self) {
        let mut uses: Vec<_> = self.cursors.values().map(|cursor| cursor.used).collect();
        uses.sort_unstable();
        let middle = uses[uses.len() / 2];
        self.cursors.retain(|_, cursor| cursor.used >= middle);
        let behind = self.cursors.values().map(|cursor| cursor.behind.len());
        self.behind = behind.sum();
    }
}
