use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::store::ClaimKey;

/// The most openings remembered per task type.
pub(super) const MAX_OPENED: usize = 1 << 16;

/// The most filled tasks remembered per task type.
pub(super) const MAX_FILLED: usize = 1 << 14;

/// The tasks of a type that were opened at or before some cursor and are claimable still, by when
/// that was.
///
/// A task that nobody may claim any more is taken out, so that workers which come later do not look
/// at what is gone: their number would otherwise multiply the cost of each such task.
#[derive(Debug, Default)]
pub(super) struct Openings {
    keys: BTreeMap<u64, ClaimKey>,
    numbers: HashMap<ClaimKey, u64>,
    /// The number of the next opening.
    next: u64,
    /// Every opening with this number or a higher one is remembered.
    first: u64,
}

impl Openings {
    /// The number of the next opening.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn push(&mut self, key: ClaimKey) {
        if let Some(before) = self.numbers.insert(key, self.next) {
            self.keys.remove(&before);
        }
        self.keys.insert(self.next, key);
        self.next += 1;
        if self.keys.len() > MAX_OPENED
            && let Some((number, key)) = self.keys.pop_first()
        {
            self.numbers.remove(&key);
            self.first = number + 1;
        }
    }

    pub(super) fn remove(&mut self, key: ClaimKey) {
        if let Some(number) = self.numbers.remove(&key) {
            self.keys.remove(&number);
        }
    }

    /// The openings from a number on, as far as they are claimable still; `None` when some of them
    /// are not remembered.
    pub(super) fn since(&self, number: u64) -> Option<impl Iterator<Item = ClaimKey>> {
        (number >= self.first).then(|| self.keys.range(number..).map(|(_, key)| *key))
    }
}

/// Tasks that nobody may claim until they are opened again: those that were noted last.
///
/// They are struck from what workers have still to look at. One that is not remembered costs a look.
#[derive(Debug, Default)]
pub(super) struct Filled {
    keys: HashSet<ClaimKey>,
    order: VecDeque<ClaimKey>,
}

impl Filled {
    pub(super) fn insert(&mut self, key: ClaimKey) {
        if !self.keys.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_FILLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: ClaimKey) {
        // Its place in the order stays, so that it may be forgotten early when it is filled again.
        self.keys.remove(&key);
    }

    pub(super) fn contains(&self, key: ClaimKey) -> bool {
        self.keys.contains(&key)
    }
}
