use std::fmt::Display;
use std::time::Duration;

use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};

use super::Kind;

/// A time to wait, written as a number of seconds; fractions are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(crate) struct Seconds(pub(crate) Duration);

const NOT_SECONDS: &str = "a number of seconds from 0 up is expected";

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, &'static str> {
        if seconds.is_finite() && seconds >= 0.0 {
            // Longer than can be held is longer than anybody waits.
            let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            Ok(Self(wait))
        } else {
            Err(NOT_SECONDS)
        }
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0.as_secs_f64()
    }
}

impl Kind for Seconds {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(0.0),
            ..MetaSchema::new_with_format("number", "double")
        }
    }

    fn from_text(text: &str) -> Result<Self, impl Display> {
        text.parse::<f64>().map_or(Err(NOT_SECONDS), Self::try_from)
    }
}

/// How many items are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Limit(pub(crate) u64);

impl Limit {
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<usize> for Limit {
    fn from(limit: usize) -> Self {
        Self(u64::try_from(limit).unwrap_or(u64::MAX))
    }
}

impl Kind for Limit {
    fn schema() -> MetaSchema {
        // A format would name another largest number; the document is given the true one.
        MetaSchema {
            minimum: Some(0.0),
            ..MetaSchema::new("integer")
        }
    }

    fn from_text(text: &str) -> Result<Self, impl Display> {
        text.parse()
            .map(Self)
            .map_err(|_| "a whole number from 0 up is expected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_checked() {
        let read = |text: &str| Seconds::from_text(text).map(|s| s.0).ok();
        assert_eq!(read("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(read("2"), Some(Duration::from_secs(2)));
        assert_eq!(read("1e300"), Some(Duration::MAX));
        for bad in ["", "-1", "nan", "inf", "1s"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(
            serde_json::from_str::<Seconds>("3").unwrap().0,
            Duration::from_secs(3)
        );
    }
}
