use std::num::NonZeroU32;

use crate::consensus::{FractionalCount, TrackRecord};
use crate::id::PolicyName;

use super::{Standing, StandingPolicy};

/// Suspends workers that agree with the consensus, or answer what they claim, clearly less often than
/// honest ones do, by a sequential probability ratio test (Wald, "Sequential Tests of Statistical
/// Hypotheses", Annals of Mathematical Statistics 16, 1945, section 2).
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
/// Losses of leases are judged by the same test, with each answer in place of an agreement and each
/// loss in place of a disagreement: a worker that answers nothing is suspended after 20 losses, and
/// one that answers two claims in three never. Leases that are lost at the same time are one loss, so
/// an honest worker may be switched off at any time.
///
/// A good past is no licence: a worker whose last answers all disagreed is judged by those alone
/// as well, so a run of 20 suspends whatever came before, and so does a run of losses. A run of
/// disagreements begins at an honest worker's next answer with a probability of less than 10⁻¹².
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

    /// How often an honest worker does well at least, where all workers together did well and badly
    /// so often.
    fn expected(&self, good: FractionalCount, bad: FractionalCount) -> f64 {
        let total = good.saturating_add(bad);
        if total < Self::ENOUGH {
            return self.honest;
        }
        let average = good.as_f64() / total.as_f64();
        // Where nobody agrees with anybody, nobody can be told from a guesser.
        (0.9 * average).clamp(0.1, self.honest)
    }
}

impl StandingPolicy for SequentialTest {
    fn name(&self) -> PolicyName {
        let name = format!("sequential/2 {} {}", self.honest, self.probation_leases);
        PolicyName::new(name).unwrap_or_else(|_| unreachable!("two short numbers"))
    }

    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing {
        let (agreements, disagreements) = record.judged();
        let answers = agreements.saturating_add(disagreements);
        let answered = Conduct {
            expected: self.expected(prior.agreements, prior.disagreements),
            good: agreements,
            bad: disagreements,
            run: FractionalCount::from_whole(record.streak.min(0).unsigned_abs()),
        };
        let losses = record.judged_losses();
        let claimed = Conduct {
            expected: self.expected(prior.total(), prior.losses),
            good: answers,
            bad: losses,
            run: record.losses_in_a_row,
        };
        let reason = || {
            if claimed.odds() > answered.odds() {
                let run = claimed.run;
                if claimed.last() > claimed.all() {
                    format!("it lost leases {run} times since its last counted answer")
                } else {
                    format!("it lost leases {losses} times, with {answers} counted answers")
                }
            } else if answered.last() > answered.all() {
                let run = answered.run;
                format!("its last {run} answers all disagreed with the consensus")
            } else {
                format!("{disagreements} of its {answers} answers disagreed with the consensus")
            }
        };
        let odds = answered.odds().max(claimed.odds());
        if odds >= Self::SUSPENSION_ODDS.ln() {
            Standing::Suspended { reason: reason() }
        } else if answered.all().max(claimed.all()) >= Self::PROBATION_ODDS.ln() {
            Standing::Probation {
                max_leases: self.probation_leases,
                reason: reason(),
            }
        } else {
            Standing::Active
        }
    }
}

/// What a worker did well and badly, to be compared with what is expected of an honest one.
#[derive(Debug, Clone, Copy)]
struct Conduct {
    /// How often an honest worker does well at least.
    expected: f64,
    good: FractionalCount,
    bad: FractionalCount,
    /// How often it did badly in a row up to now.
    run: FractionalCount,
}

impl Conduct {
    /// The logarithm of the odds that the worker is bad.
    fn log_odds(&self, good: FractionalCount, bad: FractionalCount) -> f64 {
        const BAD: f64 = SequentialTest::BAD;
        let each_bad = ((1.0 - BAD * self.expected) / (1.0 - self.expected)).ln();
        good.as_f64() * BAD.ln() + bad.as_f64() * each_bad
    }

    /// By all that it did.
    fn all(&self) -> f64 {
        self.log_odds(self.good, self.bad)
    }

    /// By the last run alone.
    fn last(&self) -> f64 {
        self.log_odds(FractionalCount::ZERO, self.run)
    }

    fn odds(&self) -> f64 {
        self.all().max(self.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::RecordChange;
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

    fn losing(answers: u64, losses: u64, run: u64) -> Standing {
        let mut record = record((0..answers).map(|_| true));
        let mut change = RecordChange::new();
        change.losses = FractionalCount::from_whole(losses);
        record.apply(&change);
        record.losses_in_a_row = FractionalCount::from_whole(run);
        SequentialTest::default().assess(&record, &TrackRecord::default())
    }

    #[test]
    fn losses_are_judged_as_answers_are() {
        assert_eq!(losing(0, 4, 4), Standing::Active);
        let Standing::Probation { reason, .. } = losing(0, 5, 1) else {
            panic!("five losses are suspicious");
        };
        assert_eq!(reason, "it lost leases 5 times, with 0 counted answers");
        assert!(!losing(0, 19, 19).is_suspended());
        assert!(losing(0, 20, 1).is_suspended());
        let Standing::Suspended { reason } = losing(900, 20, 20) else {
            panic!("a good past is no licence");
        };
        assert_eq!(
            reason,
            "it lost leases 20 times since its last counted answer"
        );
        assert_eq!(
            losing(200, 100, 1),
            Standing::Active,
            "two of three are answered"
        );
        assert!(losing(100, 100, 1).is_suspended());
    }

    #[test]
    fn where_everybody_loses_leases_nobody_is_suspended_for_it() {
        let mut prior = record([true; 500]);
        prior.losses = FractionalCount::from_whole(500);
        let mut worker = record([true; 100]);
        worker.losses = FractionalCount::from_whole(100);
        let test = SequentialTest::default();
        assert!(test.assess(&worker, &TrackRecord::default()).is_suspended());
        assert_eq!(test.assess(&worker, &prior), Standing::Active);
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
