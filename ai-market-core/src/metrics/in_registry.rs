use std::fmt;
use std::ops::Deref;

use prometheus::Registry;
use prometheus::core::Collector;

/// Metrics that are in a registry as long as this lives: whoever is built anew after it, on the same
/// registry, finds their names free.
pub struct InRegistry<C: Collector + Clone + 'static> {
    registry: Registry,
    metrics: C,
}

impl<C: Collector + Clone + 'static> InRegistry<C> {
    /// Puts all of `metrics` into `registry`.
    ///
    /// # Errors
    ///
    /// When the registry has one of their names already. Then it has none of them more than before.
    pub fn new(registry: &Registry, metrics: C) -> Result<Self, prometheus::Error> {
        registry.register(Box::new(metrics.clone()))?;
        Ok(Self {
            registry: registry.clone(),
            metrics,
        })
    }

    /// The registry that they are in.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl<C: Collector + Clone + 'static> Deref for InRegistry<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.metrics
    }
}

impl<C: Collector + Clone + 'static> Drop for InRegistry<C> {
    fn drop(&mut self) {
        // It fails only where somebody else has taken them out.
        let _ = self.registry.unregister(Box::new(self.metrics.clone()));
    }
}

impl<C: Collector + Clone + 'static> fmt::Debug for InRegistry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InRegistry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::IntCounter;

    use super::*;

    #[test]
    fn names_are_taken_as_long_as_it_lives() {
        let registry = Registry::new();
        let counter = || IntCounter::new("a_total", "a counter").unwrap();
        let first = InRegistry::new(&registry, counter()).unwrap();
        first.inc();
        assert_eq!(registry.gather().len(), 1);
        InRegistry::new(&registry, counter()).unwrap_err();
        assert_eq!(
            registry.gather()[0].get_metric()[0]
                .get_counter()
                .get_value(),
            1.0
        );
        drop(first);
        assert!(registry.gather().is_empty());
        InRegistry::new(&registry, counter()).unwrap();
    }
}
