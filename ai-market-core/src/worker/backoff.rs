use std::time::Duration;

/// How long to wait before trying again: twice as long after each failure, from a quarter of a
/// second to ten seconds, and somewhere in the upper half of that, so that workers which lost the
/// same coordinator do not all come back at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(10);

    /// The next pause, at least as long as the coordinator asked for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let whole = Self::FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(Self::LONGEST);
        self.failures += 1;
        let pause = whole.mul_f64(0.5 + 0.5 * random());
        pause.max(asked.unwrap_or_default().min(Self::LONGEST))
    }

    /// Whether nothing has failed since the last success.
    pub(super) const fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// Starts again after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A number from 0 to 1; a half where the operating system has no random bytes, since this only
/// spreads load.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        for whole in [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let pause = backoff.next(None).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{pause} of {whole}");
        }
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert!(backoff.is_fresh() && backoff.next(None) <= Backoff::FIRST);
        assert_eq!(
            backoff.next(Some(Duration::from_secs(3))),
            Duration::from_secs(3)
        );
        assert!(backoff.next(Some(Duration::from_secs(3_000))) <= Backoff::LONGEST);
    }
}
