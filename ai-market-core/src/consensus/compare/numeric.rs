use crate::id::{Label, PolicyName};

use super::Comparator;

/// Answers that are numbers say the same when they are close; others when they are equal.
///
/// Two numbers are close when they differ by at most the absolute tolerance, or by at most the
/// relative one times the larger of their magnitudes. A number is what Rust reads as `f64`, with
/// white space around it allowed, and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumericTolerance {
    absolute: f64,
    relative: f64,
}

/// A tolerance that is not one.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a tolerance must be a finite number from zero on, not {0}")]
pub struct InvalidTolerance(f64);

fn check(tolerance: f64) -> Result<f64, InvalidTolerance> {
    if tolerance.is_finite() && tolerance >= 0.0 {
        Ok(tolerance)
    } else {
        Err(InvalidTolerance(tolerance))
    }
}

impl NumericTolerance {
    /// Numbers may differ by `absolute`.
    ///
    /// # Errors
    ///
    /// [`InvalidTolerance`] when it is negative or not finite.
    pub fn absolute(absolute: f64) -> Result<Self, InvalidTolerance> {
        Ok(Self {
            absolute: check(absolute)?,
            relative: 0.0,
        })
    }

    /// Numbers may differ by the share `relative` of the larger one: 0.01 is one percent.
    ///
    /// # Errors
    ///
    /// [`InvalidTolerance`] when it is negative or not finite.
    pub fn relative(relative: f64) -> Result<Self, InvalidTolerance> {
        Ok(Self {
            absolute: 0.0,
            relative: check(relative)?,
        })
    }

    /// Numbers may differ by the larger of both tolerances.
    ///
    /// # Errors
    ///
    /// [`InvalidTolerance`] when one is negative or not finite.
    pub fn new(absolute: f64, relative: f64) -> Result<Self, InvalidTolerance> {
        Ok(Self {
            absolute: check(absolute)?,
            relative: check(relative)?,
        })
    }
}

fn number(label: &Label) -> Option<f64> {
    let number: f64 = label.as_str().trim().parse().ok()?;
    number.is_finite().then_some(number)
}

impl Comparator for NumericTolerance {
    fn name(&self) -> PolicyName {
        let name = format!("numeric/1 {} {}", self.absolute, self.relative);
        // The longest f64 has over 300 digits, which is no tolerance that anybody uses.
        PolicyName::new(name).unwrap_or_else(|_| {
            let name = format!("numeric/1 {:e} {:e}", self.absolute, self.relative);
            PolicyName::new(name).unwrap_or_else(|_| unreachable!("at most 60 bytes"))
        })
    }

    fn same(&self, one: &Label, other: &Label) -> bool {
        match (number(one), number(other)) {
            (Some(a), Some(b)) => {
                let tolerance = self.absolute.max(self.relative * a.abs().max(b.abs()));
                // Equal numbers are close also where the tolerance is zero.
                (a - b).abs() <= tolerance
            }
            _ => one == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(tolerance: NumericTolerance, one: &str, other: &str) -> bool {
        tolerance.same(&Label::new(one).unwrap(), &Label::new(other).unwrap())
    }

    #[test]
    fn close_numbers_are_the_same() {
        let absolute = NumericTolerance::absolute(0.5).unwrap();
        assert!(same(absolute, "1", " 1.5 "));
        assert!(!same(absolute, "1", "1.51"));
        let relative = NumericTolerance::relative(0.01).unwrap();
        assert!(same(relative, "1000", "1010"));
        assert!(!same(relative, "1000", "1011"));
        assert!(same(relative, "0", "-0.0"));
        let both = NumericTolerance::new(0.1, 0.01).unwrap();
        assert!(same(both, "0.0", "0.1") && same(both, "1e3", "1010"));
        assert!(same(NumericTolerance::absolute(0.0).unwrap(), "2", "2.0"));
    }

    #[test]
    fn what_is_no_number_is_compared_as_text() {
        let tolerance = NumericTolerance::absolute(1.0).unwrap();
        assert!(same(tolerance, "none", "none"));
        assert!(!same(tolerance, "none", "0"));
        assert!(!same(tolerance, "NaN", "inf"));
    }

    #[test]
    fn a_tolerance_is_checked_and_named() {
        assert!(NumericTolerance::absolute(-0.1).is_err());
        assert!(NumericTolerance::relative(f64::NAN).is_err());
        let name = NumericTolerance::new(f64::MAX, f64::MIN_POSITIVE)
            .unwrap()
            .name();
        assert_eq!(
            name.as_str(),
            "numeric/1 1.7976931348623157e308 2.2250738585072014e-308"
        );
        let name = NumericTolerance::relative(0.01).unwrap().name();
        assert_eq!(name.as_str(), "numeric/1 0 0.01");
    }
}
