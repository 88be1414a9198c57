use std::num::NonZeroU32;

use crate::consensus::{FractionalCount, TrackRecord};
use crate::id::PolicyName;

use super::{Standing, StandingPolicy};

/// Suspends workers that agree with the consensus clearly less often than honest ones do, by a
/// sequential probability ratio test (Wald, "Sequential Tests of Statistical Hypotheses", Annals of
/// Mathematical Statistics 16, 1945, section 2).
///
/// An honest worker's answers are taken to agree with the consensus with a probability of at least
/// `honest`, or of nine tenths of the average of the task type where that is less (some types are
/// hard, and everybody disagrees now and then); a bad one's with two thirds of that. Each answer
/// multiplies the odds that the worker is bad: an agreement by 2/3, a disagreement by
/// (1 - 2/3 p) / (1 - p). From [`PROBATION_ODDS`](Self::PROBATION_ODDS) on the worker is on
/// probation, from [`SUSPENSION_ODDS`](Self::SUSPENSION_ODDS) on it is suspended.
///
/// However many answers it gives, an honest worker whose answers are independent of each other is
/// therefore ever suspended with a probability of at most one in a million (Ville's inequality:
/// under the hypothesis that it is honest, the odds are a supermartingale that begins at 1). One
/// that always disagrees is suspended after 20 answers, or after 35 where a third of all answers of
/// the type disagree; one that agrees half the time after about 100.
///
/// A good past is no licence: a worker whose last answers all disagreed is judged by those alone
/// as well, so a run of 20 suspends whatever came before. Such a run begins at an honest worker's
/// next answer with a probability of less than 10⁻¹².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequentialTest {
    honest: f64,
    probation_leases: NonZeroU32,
}

/// A probability of agreeing that cannot be told from guessing, or is none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("how often honest workers agree must lie above 0.1 and below 1, not at {0}")]
pub struct InvalidSequentialTest(f64);

impl Default for SequentialTest {
    /// Honest workers agree three times in four at least; on probation they hold 4 tasks at most.
    fn default() -> Self {
        Self {
            honest: 0.75,
            probation_leases: NonZeroU32::MIN.saturating_add(3),
        }
    }
}

impl SequentialTest {
    /// The odds of being bad from which on a worker is on probation.
    pub const PROBATION_ODDS: f64 = 20.0;
    /// The odds of being bad from which on a worker is suspended.
    pub const SUSPENSION_ODDS: f64 = 1e6;
    /// Of how many answers the average of a task type must be for it to count.
    const ENOUGH: FractionalCount = FractionalCount::from_whole(30);
    /// How a bad worker's probability of agreeing compares with an honest one's.
    const BAD: f64 = 2.0 / 3.0;

    /// Takes honest workers to agree with a probability of at least `honest`.
    ///
    /// # Errors
    ///
    /// [`InvalidSequentialTest`] unless it lies above 0.1 and below 1.
    pub fn with_honest(mut self, honest: f64) -> Result<Self, InvalidSequentialTest> {
        if honest > 0.1 && honest < 1.0 {
            self.honest = honest;
            Ok(self)
        } else {
            Err(InvalidSequentialTest(honest))
        }
    }

    /// Lets a worker on probation hold up to `leases` tasks.
    #[must_use]
    pub const fn with_probation_leases(mut self, leases: NonZeroU32) -> Self {
        self.probation_leases = leases;
        self
    }

    /// How often an honest worker agrees at least, for a task type with this record.
    fn agreeing(&self, prior: &TrackRecord) -> f64 {
        if prior.total() < Self::ENOUGH {
            return self.honest;
        }
        let average = prior.agreements.as_f64() / prior.total().as_f64();
        // Where nobody agrees with anybody, nobody can be told from a guesser.
        (0.9 * average).clamp(0.1, self.honest)
    }

    /// The logarithm of the odds after so many agreements and disagreements.
    fn log_odds(agreeing: f64, agreements: f64, disagreements: f64) -> f64 {
        let agree = Self::BAD.ln();
        let disagree = ((1.0 - Self::BAD * agreeing) / (1.0 - agreeing)).ln();
        agreements * agree + disagreements * disagree
    }
}

impl StandingPolicy for SequentialTest {
    fn name(&self) -> PolicyName {
        let name = format!("sequential/1 {} {}", self.honest, self.probation_leases);
        PolicyName::new(name).unwrap_or_else(|_| unreachable!("two short numbers"))
    }

    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing {
        let (agreements, disagreements) = record.judged();
        let agreeing = self.agreeing(prior);
        let all = Self::log_odds(agreeing, agreements.as_f64(), disagreements.as_f64());
        let run = record.streak.min(0).unsigned_abs();
        let last = Self::log_odds(agreeing, 0.0, run as f64);
        let reason = || {
            let total = agreements.saturating_add(disagreements);
            if last > all {
                format!("its last {run} answers all disagreed with the consensus")
            } else {
                format!("{disagreements} of its {total} answers disagreed with the consensus")
            }
        };
        let suspended = all.max(last) >= Self::SUSPENSION_ODDS.ln();
        if suspended {
            Standing::Suspended { reason: reason() }
        } else if all >= Self::PROBATION_ODDS.ln() {
            Standing::Probation {
                max_leases: self.probation_leases,
                reason: reason(),
            }
        } else {
            Standing::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Label;

    fn record(answers: impl IntoIterator<Item = bool>) -> TrackRecord {
        let mut record = TrackRecord::default();
        let (yes, no) = (Label::new("yes").unwrap(), Label::new("no").unwrap());
        for agrees in answers {
            record.observe(&yes, if agrees { &yes } else { &no });
        }
        record
    }

    fn after(answers: impl IntoIterator<Item = bool>) -> Standing {
        SequentialTest::default().assess(&record(answers), &TrackRecord::default())
    }

    fn suspended_after(answers: impl Fn(usize) -> bool) -> Option<usize> {
        (1..2_000).find(|n| after((0..*n).map(&answers)).is_suspended())
    }

    #[test]
    fn always_wrong_is_soon_out_and_often_right_never() {
        assert_eq!(suspended_after(|_| false), Some(20));
        assert_eq!(suspended_after(|i| i % 2 == 0), Some(98));
        assert_eq!(suspended_after(|i| i % 4 != 0), None);
    }

    #[test]
    fn a_good_past_is_no_licence() {
        assert_eq!(suspended_after(|i| i < 1_000), Some(1_020));
    }

    #[test]
    fn probation_comes_before() {
        assert_eq!(after([false; 4]), Standing::Active);
        let Standing::Probation { max_leases, reason } = after([false; 5]) else {
            panic!("five wrong answers are suspicious");
        };
        assert_eq!(max_leases.get(), 4);
        assert_eq!(reason, "5 of its 5 answers disagreed with the consensus");
    }

    #[test]
    fn where_everybody_disagrees_nobody_is_suspended_for_it() {
        let hard = record((0..1_000).map(|i| i % 10 < 5));
        let usual = record((0..200).map(|i| i % 10 < 5));
        let test = SequentialTest::default();
        assert_eq!(test.assess(&usual, &hard), Standing::Active);
        assert!(test.assess(&usual, &TrackRecord::default()).is_suspended());
        assert!(test.assess(&record([false; 200]), &hard).is_suspended());
    }

    #[test]
    fn what_was_forgiven_does_not_count() {
        let mut worker = record([false; 30]);
        worker.forgive();
        let test = SequentialTest::default();
        assert_eq!(
            test.assess(&worker, &TrackRecord::default()),
            Standing::Active
        );
    }
}
