//! How sure a worker is of its answer.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A probability: a number from 0 to 1, never NaN.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

/// A number that is no probability.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a confidence is a number from 0 to 1, not {0}")]
pub struct InvalidConfidence(f64);

impl Confidence {
    /// No confidence at all.
    pub const ZERO: Self = Self(0.0);
    /// Full confidence.
    pub const ONE: Self = Self(1.0);

    /// Checks that `value` is a number from 0 to 1.
    ///
    /// # Errors
    ///
    /// [`InvalidConfidence`] when it is not, or is NaN.
    pub fn new(value: f64) -> Result<Self, InvalidConfidence> {
        if (0.0..=1.0).contains(&value) {
            // Adding zero turns -0.0 into 0.0, so that equal values look equal everywhere.
            Ok(Self(value + 0.0))
        } else {
            Err(InvalidConfidence(value))
        }
    }

    /// The confidence nearest to `value`; 0 for NaN.
    ///
    /// For sums and rounded probabilities that may lie a hair outside.
    #[must_use]
    pub fn saturating(value: f64) -> Self {
        if value.is_nan() {
            Self::ZERO
        } else {
            Self(value.clamp(0.0, 1.0) + 0.0)
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Confidence {}

impl Ord for Confidence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Confidence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<f64> for Confidence {
    type Error = InvalidConfidence;

    fn try_from(value: f64) -> Result<Self, InvalidConfidence> {
        Self::new(value)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_probabilities_are_taken() {
        for good in [0.0, -0.0, 0.5, 1.0] {
            assert_eq!(Confidence::new(good).unwrap().get(), good);
        }
        for bad in [-0.1, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Confidence::new(bad).is_err(), "{bad}");
        }
        assert!(Confidence::new(-0.0).unwrap().get().is_sign_positive());
        assert_eq!(Confidence::saturating(1.000_000_1), Confidence::ONE);
        assert_eq!(Confidence::saturating(f64::NAN), Confidence::ZERO);
    }

    fn over_the_wire(confidence: Confidence) -> Confidence {
        let text = serde_json::to_string(&confidence).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn json_does_not_round_it() {
        for value in [
            9e-69,
            0.9073038322028689,
            0.48183792520110524,
            0.9999999999999999,
        ] {
            let confidence = Confidence::new(value).unwrap();
            assert_eq!(over_the_wire(confidence), confidence);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_keeps_every_confidence(value in 0.0..=1.0) {
            let confidence = Confidence::new(value).unwrap();
            prop_assert_eq!(over_the_wire(confidence), confidence);
        }
    }
}
