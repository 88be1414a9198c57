use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The place of an event in the log of a market.
///
/// Places rise in the order in which events can be read, through restarts and resets; they need not
/// follow each other without gaps. Zero is before every event.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventId(u64);

impl EventId {
    /// Before every event.
    pub const START: Self = Self(0);

    /// The highest place, which JavaScript can still count to.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The place `n`, or the [highest](Self::MAX).
    #[must_use]
    pub const fn new(n: u64) -> Self {
        if n < Self::MAX.0 { Self(n) } else { Self::MAX }
    }

    /// The place as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not the place of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of an event is a whole number from 0 to 9007199254740991")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        // `parse` takes a sign as well.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let n = text.parse().ok().filter(|n| digits && *n <= Self::MAX.0);
        n.map(Self).ok_or(InvalidEventId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_javascript_can_count_to_is_an_id() {
        assert_eq!("17".parse(), Ok(EventId::new(17)));
        assert_eq!("9007199254740991".parse(), Ok(EventId::MAX));
        for bad in ["", "-1", "+1", " 1", "1.0", "9007199254740992", "1e3"] {
            assert_eq!(bad.parse::<EventId>(), Err(InvalidEventId), "{bad}");
        }
        assert_eq!(EventId::new(u64::MAX), EventId::MAX);
    }
}
