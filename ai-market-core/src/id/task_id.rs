use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

use crate::time::Timestamp;

/// Identifies one task.
///
/// A UUID of version 7 (RFC 9562, section 5.7): its leading bits are the time at which it was made,
/// so the order of ids is the order of age, and inserting tasks appends to an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(Uuid);

/// The counter that keeps ids of one millisecond in order.
static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

impl TaskId {
    /// Makes a new id for a task that is created at `now`.
    ///
    /// Ids made by one process for the same or rising times rise strictly.
    #[must_use]
    pub fn generate(now: Timestamp) -> Self {
        // OK because the context holds two counters, which are whole after a panic as well.
        let context = CONTEXT.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = now.as_micros().max(0).unsigned_abs();
        let nanos = (micros % 1_000_000) as u32 * 1_000;
        let stamp = uuid::Timestamp::from_unix(&*context, micros / 1_000_000, nanos);
        Self(Uuid::new_v7(stamp))
    }

    /// Returns the lowest id that a task created at `time` can have, to the millisecond.
    ///
    /// It bounds ids by time; no task has it.
    #[must_use]
    pub fn lowest_at(time: Timestamp) -> Self {
        let millis = (time.as_micros().max(0) / 1_000).unsigned_abs();
        let builder = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]);
        Self(builder.into_uuid())
    }

    /// The sixteen bytes of the id, most significant first; their order is the order of ids.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id with these sixteen bytes, as [`as_bytes`](Self::as_bytes) gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

/// A text that is not a task id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a task id is a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidTaskId(#[source] uuid::Error);

impl FromStr for TaskId {
    type Err = InvalidTaskId;

    fn from_str(text: &str) -> Result<Self, InvalidTaskId> {
        Uuid::try_parse(text).map(Self).map_err(InvalidTaskId)
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidTaskId;

    fn try_from(text: String) -> Result<Self, InvalidTaskId> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_instant_rise() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let ids: Vec<_> = (0..1_000).map(|_| TaskId::generate(now)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn id_order_is_age_order_and_byte_order() {
        let early = TaskId::generate(Timestamp::from_micros(1_700_000_000_000_000));
        let late = TaskId::generate(Timestamp::from_micros(1_700_000_000_002_000));
        assert!(early < late);
        assert!(early.as_bytes() < late.as_bytes());
    }

    #[test]
    fn the_lowest_id_of_a_time_separates_earlier_ids_from_later_ones() {
        let at = |micros: i64| Timestamp::from_micros(1_700_000_000_000_000 + micros);
        let lowest = TaskId::lowest_at(at(0));
        assert_eq!(lowest.to_string(), "018bcfe5-6800-7000-8000-000000000000");
        assert_eq!(TaskId::lowest_at(at(999)), lowest);
        assert!(lowest < TaskId::generate(at(0)));
        let earlier: TaskId = "018bcfe5-67ff-7fff-bfff-ffffffffffff".parse().unwrap();
        assert!(earlier < lowest);
    }

    #[test]
    fn text_round_trips_and_nonsense_is_refused() {
        let id = TaskId::generate(Timestamp::from_micros(1_700_000_000_000_000));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "7", "01890a5d-ac96-774b-bcce-b302099a805", "not-a-uuid"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad:?}");
        }
    }
}
