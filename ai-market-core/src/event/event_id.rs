use std::fmt;
use std::str::FromStr;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The place of an event in the log of a market.
///
/// A place has an order and nothing else. A later event has a higher place, also after a restart and
/// after a reset. The places of two successive events may lie far apart: do not count with them, and
/// do not add to them. Only a store knows how its places are numbered.
///
/// A place is written as decimal digits. In JSON these stand in a string, since JavaScript cannot
/// represent every place as a number. Reading JSON also accepts a whole number, which earlier
/// versions wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(u128);

impl EventId {
    /// Before every event.
    pub const START: Self = Self(0);

    /// The highest place.
    pub const MAX: Self = Self(u128::MAX);

    /// Returns the place with this number; for stores.
    #[must_use]
    pub const fn new(n: u128) -> Self {
        Self(n)
    }

    /// Returns the number of the place; for stores.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

/// For stores.
impl From<u64> for EventId {
    fn from(n: u64) -> Self {
        Self(n.into())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not the place of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of an event is a whole number from 0 to 2^128 - 1, in decimal digits")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        // One place has one text. `parse` would accept a sign as well.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = text.len() > 1 && text.starts_with('0');
        let n = text.parse().ok().filter(|_| digits && !padded);
        n.map(Self).ok_or(InvalidEventId)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl Visitor<'_> for Place {
            type Value = EventId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of an event: decimal digits in a string, or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EventId, E> {
                let invalid = |_| E::invalid_value(Unexpected::Str(text), &self);
                text.parse().map_err(invalid)
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<EventId, E> {
                Ok(n.into())
            }
        }

        deserializer.deserialize_any(Place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^128 - 1.
    const HIGHEST: &str = "340282366920938463463374607431768211455";

    #[test]
    fn a_place_has_one_text() {
        for text in ["0", "17", "9007199254740993", HIGHEST] {
            assert_eq!(text.parse::<EventId>().unwrap().to_string(), text);
        }
        assert_eq!("0".parse(), Ok(EventId::START));
        assert_eq!(HIGHEST.parse(), Ok(EventId::MAX));
        let too_high = "340282366920938463463374607431768211456";
        for bad in [
            "", "-1", "+1", " 1", "1 ", "1.0", "1e3", "00", "07", "٧", too_high,
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(InvalidEventId), "{bad:?}");
        }
    }

    #[test]
    fn places_are_ordered_by_number_and_not_by_text() {
        let places = ["0", "9", "10", "18446744073709551616", HIGHEST];
        let places = places.map(|text| text.parse::<EventId>().unwrap());
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert_eq!(EventId::default(), EventId::START);
        assert_eq!(EventId::from(u64::MAX), EventId::new(u64::MAX.into()));
    }

    #[test]
    fn json_has_a_string_and_may_have_had_a_number() {
        let read = |json: &str| serde_json::from_str::<EventId>(json).ok();
        for place in [EventId::START, EventId::new(4711), EventId::MAX] {
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(json, format!("\"{place}\""));
            assert_eq!(read(&json), Some(place));
        }
        assert_eq!(read("0"), Some(EventId::START));
        assert_eq!(read("18446744073709551615"), Some(EventId::from(u64::MAX)));
        for bad in [
            "-1", "1.0", "1e3", "\"-1\"", "\"07\"", "\"\"", "null", "[1]",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
