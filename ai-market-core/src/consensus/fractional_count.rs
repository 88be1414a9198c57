use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MILLION: u64 = 1_000_000;

/// A count that may hold parts of one, in millionths.
///
/// It is a fixed-point number, so a sum does not depend on the order of its terms, which does not
/// hold for `f64`. The largest count is [`MAX`](Self::MAX), about 18 trillion; arithmetic saturates
/// there and at zero.
///
/// In JSON it is a number: an integer where it is whole, else a decimal with at most six digits
/// after the point. JSON keeps a fraction exactly below 2³³, about 8.6 billion. A larger count that
/// is not whole is rounded to the nearest `f64`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FractionalCount(u64);

impl FractionalCount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(MILLION);
    /// The largest count.
    pub const MAX: Self = Self(u64::MAX);

    /// A whole number; [`MAX`](Self::MAX) where it is larger than that.
    #[must_use]
    pub const fn from_whole(whole: u64) -> Self {
        Self(whole.saturating_mul(MILLION))
    }

    /// A number, rounded to millionths. A negative one and NaN give zero, and one that is too large
    /// gives [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_fraction(number: f64) -> Self {
        // The nearest `f64` to the largest count is below it, and is to come back as it was.
        if number >= Self::MAX.as_f64() {
            return Self::MAX;
        }
        // The casts saturate, and take NaN to zero. The two parts are rounded one by one, since the
        // product of the whole number would lose the last digits of a large one.
        let whole = number.trunc();
        let millionths = ((number - whole) * MILLION as f64).round() as u64;
        Self::from_whole(whole as u64).saturating_add(Self(millionths))
    }

    /// So many millionths.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// The count in millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// The whole number, rounded down.
    #[must_use]
    pub const fn whole(self) -> u64 {
        self.0 / MILLION
    }

    /// The nearest `f64`.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        if self.is_whole() {
            self.whole() as f64
        } else {
            self.0 as f64 / MILLION as f64
        }
    }

    /// The sum, at most [`MAX`](Self::MAX).
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    const fn is_whole(self) -> bool {
        self.0.is_multiple_of(MILLION)
    }
}

impl fmt::Display for FractionalCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() {
            return write!(f, "{}", self.whole());
        }
        let digits = format!("{:06}", self.0 % MILLION);
        write!(f, "{}.{}", self.whole(), digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for FractionalCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for FractionalCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() {
            serializer.serialize_u64(self.whole())
        } else {
            serializer.serialize_f64(self.as_f64())
        }
    }
}

impl<'de> Deserialize<'de> for FractionalCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(Number)
    }
}

/// Takes integers as well as floats.
struct Number;

impl Visitor<'_> for Number {
    type Value = FractionalCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number that is not negative")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<FractionalCount, E> {
        Ok(FractionalCount::from_whole(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<FractionalCount, E> {
        let whole = u64::try_from(number)
            .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        Ok(FractionalCount::from_whole(whole))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<FractionalCount, E> {
        if number >= 0.0 {
            Ok(FractionalCount::from_fraction(number))
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, F64Deserializer};

    use super::*;

    fn part(number: f64) -> FractionalCount {
        FractionalCount::from_fraction(number)
    }

    #[test]
    fn numbers_are_clamped_and_rounded() {
        assert_eq!(part(0.25).millionths(), 250_000);
        assert_eq!(part(0.000_000_4), FractionalCount::ZERO);
        assert_eq!(part(0.999_999_9), FractionalCount::ONE);
        for nothing in [-0.5, -3.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(part(nothing), FractionalCount::ZERO);
        }
        for much in [FractionalCount::MAX.as_f64(), 1e14, f64::INFINITY] {
            assert_eq!(part(much), FractionalCount::MAX);
        }
        assert_eq!(FractionalCount::from_whole(u64::MAX), FractionalCount::MAX);
        assert_eq!(part(3.75).whole(), 3);
    }

    #[test]
    fn it_is_displayed_as_a_decimal() {
        assert_eq!(FractionalCount::from_whole(12).to_string(), "12");
        assert_eq!(part(2.5).to_string(), "2.5");
        assert_eq!(FractionalCount::from_millionths(1).to_string(), "0.000001");
    }

    #[test]
    fn json_has_an_integer_where_it_is_whole() {
        let json = |count: FractionalCount| serde_json::to_string(&count).unwrap();
        assert_eq!(json(FractionalCount::from_whole(7)), "7");
        assert_eq!(json(part(0.1)), "0.1");
        assert_eq!(json(part(2.123_456)), "2.123456");
        let read = |json: &str| serde_json::from_str::<FractionalCount>(json);
        assert_eq!(read("7").unwrap(), FractionalCount::from_whole(7));
        assert_eq!(read("7.0").unwrap(), FractionalCount::from_whole(7));
        assert_eq!(read("1e30").unwrap(), FractionalCount::MAX);
        for wrong in ["-1", "-0.5", "\"1\"", "null"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let nan: F64Deserializer<Error> = f64::NAN.into_deserializer();
        assert!(FractionalCount::deserialize(nan).is_err());
    }

    fn counts() -> impl Strategy<Value = FractionalCount> {
        any::<u64>().prop_map(FractionalCount::from_millionths)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        // That of unsigned integers that saturate does both, even where it saturates.
        #[test]
        fn addition_commutes_and_associates(a in counts(), b in counts(), c in counts()) {
            prop_assert_eq!(a.saturating_add(b), b.saturating_add(a));
            prop_assert_eq!(
                a.saturating_add(b).saturating_add(c),
                a.saturating_add(b.saturating_add(c))
            );
        }

        #[test]
        fn json_round_trips(
            fraction in 0..(1_u64 << 33) * MILLION,
            whole in 0..u64::MAX / MILLION,
            large in any::<u64>(),
        ) {
            for count in [FractionalCount(fraction), FractionalCount::from_whole(whole)] {
                let json = serde_json::to_string(&count).unwrap();
                prop_assert_eq!(serde_json::from_str::<FractionalCount>(&json).unwrap(), count);
            }
            let json = serde_json::to_string(&FractionalCount(large)).unwrap();
            let read: FractionalCount = serde_json::from_str(&json).unwrap();
            prop_assert!((read.as_f64() - FractionalCount(large).as_f64()).abs() < 0.01);
            if let Some((_, digits)) = json.split_once('.') {
                prop_assert!(digits.len() <= 6, "{}", json);
            }
        }
    }
}
