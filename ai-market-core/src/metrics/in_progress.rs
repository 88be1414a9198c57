use prometheus::IntGauge;

/// One more in a gauge, as long as this lives.
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct InProgress(IntGauge);

impl InProgress {
    /// Counts one more in `gauge`.
    pub fn begin(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_as_long_as_it_lives() {
        let gauge = IntGauge::new("gauge", "a gauge").unwrap();
        let (a, b) = (InProgress::begin(&gauge), InProgress::begin(&gauge));
        assert_eq!(gauge.get(), 2);
        drop(a);
        assert_eq!(gauge.get(), 1);
        drop(b);
        assert_eq!(gauge.get(), 0);
    }
}
