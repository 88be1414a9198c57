use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::consensus::TrackRecord;
use crate::id::{PolicyName, TaskType};
use crate::time::Timestamp;

use super::{Standing, StandingPolicy};

/// Why a worker's standing is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingCause {
    /// This policy found so.
    Policy(PolicyName),
    /// Somebody decided so; no policy changes it.
    Hand,
}

/// A standing that is not active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandingEntry {
    /// Probation or suspended.
    pub standing: Standing,
    /// Why.
    pub cause: StandingCause,
    /// Since when.
    pub since: Timestamp,
}

impl StandingEntry {
    /// A `standing` that holds for `cause` since `since`.
    #[must_use]
    pub const fn new(standing: Standing, cause: StandingCause, since: Timestamp) -> Self {
        Self {
            standing,
            cause,
            since,
        }
    }
}

/// How far one worker is trusted: with tasks of each type, and as a whole.
///
/// What is not in here is active. This is also where every store finds what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    from = "Vec<(Option<TaskType>, StandingEntry)>",
    into = "Vec<(Option<TaskType>, StandingEntry)>"
)]
pub struct Standings {
    /// `None` stands for the worker as a whole.
    entries: BTreeMap<Option<TaskType>, StandingEntry>,
}

impl Standings {
    /// Every standing that is not active; `None` stands for the worker as a whole.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&TaskType>, &StandingEntry)> {
        self.entries
            .iter()
            .map(|(task_type, entry)| (task_type.as_ref(), entry))
    }

    /// Whether the worker is active for every type.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known for a type, or the worker as a whole.
    #[must_use]
    pub fn entry(&self, task_type: Option<&TaskType>) -> Option<&StandingEntry> {
        self.entries.get(&task_type.cloned())
    }

    /// Sets what is known; `None` takes it away, and so does [`Standing::Active`].
    pub fn set(&mut self, task_type: Option<TaskType>, entry: Option<StandingEntry>) {
        match entry.filter(|entry| entry.standing != Standing::Active) {
            Some(entry) => self.entries.insert(task_type, entry),
            None => self.entries.remove(&task_type),
        };
    }

    /// What holds for tasks of a type: its own standing or that of the worker as a whole, whichever
    /// is worse.
    #[must_use]
    pub fn of(&self, task_type: &TaskType) -> Option<&StandingEntry> {
        // The whole comes last, since of equals `max_by_key` takes that.
        [self.entry(Some(task_type)), self.entry(None)]
            .into_iter()
            .flatten()
            .max_by_key(|entry| entry.standing.severity())
    }

    /// Those of `capabilities` that the worker is not suspended for.
    pub fn allowed<'a>(
        &'a self,
        capabilities: &'a BTreeSet<TaskType>,
    ) -> impl Iterator<Item = &'a TaskType> + Clone {
        capabilities.iter().filter(|task_type| {
            self.of(task_type)
                .is_none_or(|entry| !entry.standing.is_suspended())
        })
    }

    /// Why a worker that can do `capabilities` gets no task at all; `None` where it may.
    ///
    /// A worker without capabilities is not suspended.
    #[must_use]
    pub fn suspension(&self, capabilities: &BTreeSet<TaskType>) -> Option<&StandingEntry> {
        if self.entries.is_empty() || self.allowed(capabilities).next().is_some() {
            return None;
        }
        capabilities.iter().find_map(|task_type| self.of(task_type))
    }

    /// How far a worker that can do `capabilities` is trusted in all: suspended where it gets no
    /// task at all, on probation where it is not active for some type, else active.
    ///
    /// One that is suspended for some types alone is on probation with as many leases as there can
    /// be.
    #[must_use]
    pub fn overall(&self, capabilities: &BTreeSet<TaskType>) -> Standing {
        if let Some(entry) = self.suspension(capabilities) {
            return entry.standing.clone();
        }
        let worst = capabilities
            .iter()
            .filter_map(|task_type| Some((task_type, self.of(task_type)?)))
            .max_by_key(|(_, entry)| entry.standing.severity());
        match worst {
            None => Standing::Active,
            Some((_, entry)) if !entry.standing.is_suspended() => entry.standing.clone(),
            Some((task_type, entry)) => Standing::Probation {
                max_leases: std::num::NonZeroU32::MAX,
                reason: format!(
                    "suspended for {task_type}: {}",
                    entry.standing.reason().unwrap_or_default()
                ),
            },
        }
    }

    /// How many leases a worker that can do `capabilities` may hold, of `max` usual ones.
    #[must_use]
    pub fn max_leases(&self, capabilities: &BTreeSet<TaskType>, max: usize) -> usize {
        if self.entries.is_empty() {
            return max;
        }
        let bounds = capabilities.iter().filter_map(|task_type| {
            match self.of(task_type).map(|entry| &entry.standing) {
                Some(Standing::Probation { max_leases, .. }) => {
                    usize::try_from(max_leases.get()).ok()
                }
                _ => None,
            }
        });
        bounds.fold(max, usize::min)
    }

    /// What `policy` makes of a new track record for tasks of a type: the entry to be set, where it
    /// differs from what is known.
    ///
    /// What was decided by hand stays, and so does everything when the policy panics.
    #[must_use]
    pub fn assess(
        &self,
        task_type: &TaskType,
        policy: &dyn StandingPolicy,
        record: &TrackRecord,
        prior: &TrackRecord,
        now: Timestamp,
    ) -> Option<Option<StandingEntry>> {
        let known = self.entry(Some(task_type));
        if known.is_some_and(|entry| entry.cause == StandingCause::Hand) {
            return None;
        }
        // OK because a policy is a pure function: there is no state that a panic could leave broken.
        let assessed = catch_unwind(AssertUnwindSafe(|| {
            (policy.assess(record, prior), policy.name())
        }));
        let (standing, name) = assessed.ok()?;
        match known {
            None if standing == Standing::Active => None,
            Some(entry) if entry.standing.severity() == standing.severity() => None,
            _ if standing == Standing::Active => Some(None),
            _ => {
                let cause = StandingCause::Policy(name);
                Some(Some(StandingEntry::new(standing, cause, now)))
            }
        }
    }
}

// A list, since the keys of a JSON object cannot be absent.
impl From<Vec<(Option<TaskType>, StandingEntry)>> for Standings {
    fn from(entries: Vec<(Option<TaskType>, StandingEntry)>) -> Self {
        let entries = entries.into_iter().collect();
        Self { entries }
    }
}

impl From<Standings> for Vec<(Option<TaskType>, StandingEntry)> {
    fn from(standings: Standings) -> Self {
        standings.entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::SequentialTest;
    use crate::id::Label;

    fn kind(text: &str) -> TaskType {
        TaskType::new(text).unwrap()
    }

    fn suspended(reason: &str) -> StandingEntry {
        let reason = reason.to_owned();
        let standing = Standing::Suspended { reason };
        StandingEntry::new(standing, StandingCause::Hand, Timestamp::from_micros(0))
    }

    fn both() -> BTreeSet<TaskType> {
        BTreeSet::from([kind("ner"), kind("sentiment")])
    }

    #[test]
    fn a_type_is_suspended_alone_and_the_whole_with_all() {
        let mut standings = Standings::default();
        standings.set(Some(kind("ner")), Some(suspended("bad spans")));
        let allowed: Vec<_> = standings.allowed(&both()).cloned().collect();
        assert_eq!(allowed, [kind("sentiment")]);
        assert_eq!(standings.suspension(&both()), None);
        let Standing::Probation { reason, .. } = standings.overall(&both()) else {
            panic!("it works for the other type");
        };
        assert_eq!(reason, "suspended for ner: bad spans");
        standings.set(None, Some(suspended("banned")));
        assert_eq!(standings.allowed(&both()).count(), 0);
        let suspension = standings.suspension(&both()).unwrap();
        assert_eq!(suspension.standing.reason(), Some("banned"));
    }

    #[test]
    fn what_was_decided_by_hand_stays() {
        let mut record = TrackRecord::default();
        let (yes, no) = (Label::new("yes").unwrap(), Label::new("no").unwrap());
        (0..50).for_each(|_| record.observe(&yes, &no));
        let (prior, now) = (TrackRecord::default(), Timestamp::from_micros(9));
        let test = SequentialTest::default();
        let mut standings = Standings::default();
        let entry = standings
            .assess(&kind("ner"), &test, &record, &prior, now)
            .unwrap();
        assert_eq!(entry.as_ref().map(|entry| entry.since), Some(now));
        standings.set(Some(kind("ner")), entry);
        assert_eq!(
            standings.assess(&kind("ner"), &test, &record, &prior, now),
            None
        );
        record.forgive();
        let lifted = standings.assess(&kind("ner"), &test, &record, &prior, now);
        assert_eq!(lifted, Some(None));
        standings.set(Some(kind("ner")), Some(suspended("by hand")));
        assert_eq!(
            standings.assess(&kind("ner"), &test, &record, &prior, now),
            None
        );
    }
}
