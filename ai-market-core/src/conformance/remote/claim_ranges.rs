use std::collections::BTreeSet;
use std::ops::Bound;

use crate::store::ClaimKey;

/// The parts of one type's list of claimable tasks that a transaction has fetched.
#[derive(Debug, Default)]
pub(super) struct ClaimRanges {
    /// Disjoint, in order.
    ranges: Vec<ClaimRange>,
}

/// The claimable tasks after one place and up to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimRange {
    after: Option<ClaimKey>,
    /// The last key; `None` when the range reaches the end of the list.
    last: Option<ClaimKey>,
}

impl ClaimRanges {
    /// Fetches `limit` keys after each place, and returns all of them.
    ///
    /// `queries` are sorted. Several that begin in one range each get `limit` keys of their own, so
    /// that a group of claims on one list is served by one look-up.
    pub(super) fn fetch(
        list: &BTreeSet<ClaimKey>,
        queries: &[(Option<ClaimKey>, usize)],
    ) -> (Self, Vec<ClaimKey>) {
        let mut ranges: Vec<ClaimRange> = Vec::new();
        let mut fetched = Vec::new();
        for (after, limit) in queries {
            let reached = ranges.last_mut().filter(|range| range.reaches(*after));
            let from = match &reached {
                Some(ClaimRange { last: None, .. }) => continue,
                Some(range) => range.last,
                None => *after,
            };
            let from_bound = from.map_or(Bound::Unbounded, Bound::Excluded);
            let mut keys = list.range((from_bound, Bound::Unbounded));
            let start = fetched.len();
            fetched.extend(keys.by_ref().take(*limit).copied());
            let last = match keys.next() {
                Some(_) => fetched[start..].last().copied().or(from),
                None => None,
            };
            match reached {
                Some(range) => range.last = last,
                None => ranges.push(ClaimRange {
                    after: *after,
                    last,
                }),
            }
        }
        (Self { ranges }, fetched)
    }

    /// The range with the keys right after a place.
    pub(super) fn with(&self, after: Option<ClaimKey>) -> Option<&ClaimRange> {
        self.ranges.iter().find(|range| range.contains(after))
    }
}

impl ClaimRange {
    /// Whether it reaches to a place or beyond.
    fn reaches(&self, after: Option<ClaimKey>) -> bool {
        self.after <= after && self.last.is_none_or(|last| after <= Some(last))
    }

    /// Whether the next key after a place would lie in it.
    fn contains(&self, after: Option<ClaimKey>) -> bool {
        self.after <= after && self.last.is_none_or(|last| after < Some(last))
    }

    /// At most `limit` keys of the list that lie in it after a place, and whether the list has none
    /// after these.
    pub(super) fn page(
        &self,
        list: &BTreeSet<ClaimKey>,
        after: Option<ClaimKey>,
        limit: usize,
    ) -> (Vec<ClaimKey>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let to = self.last.map_or(Bound::Unbounded, Bound::Included);
        let mut keys = list.range((from, to));
        let page: Vec<_> = keys.by_ref().take(limit).copied().collect();
        let ended = self.last.is_none() && keys.next().is_none();
        (page, ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TaskId;

    fn key(n: u8) -> ClaimKey {
        ClaimKey::new(0, TaskId::from_bytes([n; 16]))
    }

    #[test]
    fn queries_with_one_beginning_share_a_range() {
        let list: BTreeSet<_> = (0..10).map(key).collect();
        let (ranges, fetched) = ClaimRanges::fetch(&list, &[(None, 2), (None, 3)]);
        assert_eq!(fetched, (0..5).map(key).collect::<Vec<_>>());
        let range = ranges.with(Some(key(3))).unwrap();
        assert_eq!(
            range.page(&list, Some(key(3)), 8),
            (vec![key(4)], false),
            "the page ends with what was fetched"
        );
        assert!(ranges.with(Some(key(4))).is_none());
    }

    #[test]
    fn a_range_to_the_end_says_so() {
        let list: BTreeSet<_> = (0..4).map(key).collect();
        let (ranges, fetched) = ClaimRanges::fetch(&list, &[(None, 1), (Some(key(2)), 8)]);
        assert_eq!(fetched, [key(0), key(3)]);
        assert!(ranges.with(Some(key(1))).is_none());
        let range = ranges.with(Some(key(2))).unwrap();
        assert_eq!(range.page(&list, Some(key(2)), 8), (vec![key(3)], true));
    }
}
