use std::sync::Arc;

use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::consensus::Policies;
use crate::market::Market;
use crate::metrics::InRegistry;
use crate::store::TaskStore;
use crate::time::Timestamp;

use super::events::EventHub;
use super::metrics::Metrics;
use super::name_limits::NameLimits;
use super::recorder::Recorder;
use super::signals::Signals;
use super::wakeups::Wakeups;
use super::watchers::Watchers;
use super::{CoordinatorBuilder, Settings};

/// Leases tasks to workers, takes their votes, and tells clients what was decided.
///
/// It implements [`WorkerApi`](crate::api::WorkerApi) and [`ClientApi`](crate::api::ClientApi) on a
/// [`TaskStore`]. Cloning is cheap; all clones are one coordinator. Someone must
/// [`run`](Self::run) it, or leases never run out.
///
/// Nothing that must last is kept outside the store, so that several coordinators may share one:
/// in the coordinator itself are only those that wait, who look again every few seconds in case the
/// news reached another coordinator.
#[derive(Debug, Clone)]
pub struct Coordinator {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) market: Market,
    pub(super) settings: Settings,
    pub(super) signals: Arc<Signals>,
    pub(super) names: NameLimits,
    /// Ends every wait when the coordinator stops.
    pub(super) stopping: CancellationToken,
}

impl Coordinator {
    /// Begins building a coordinator on `store`.
    pub fn builder(store: impl TaskStore) -> CoordinatorBuilder {
        CoordinatorBuilder::new(Arc::new(store))
    }

    pub(super) fn new(
        store: Arc<dyn TaskStore>,
        policies: Policies,
        settings: Settings,
        metrics: InRegistry<Metrics>,
    ) -> Self {
        let signals = Arc::new(Signals {
            wakeups: Wakeups::new(settings.limits.max_waiting),
            watchers: Watchers::new(settings.limits.max_waiting),
            metrics,
            recorder: Recorder::new(store.now()),
            events: EventHub::new(settings.limits.max_followers),
        });
        Self {
            inner: Arc::new(Inner {
                market: Market::observed(store, policies, Arc::clone(&signals) as _),
                signals,
                names: NameLimits::new(&settings.limits),
                settings,
                stopping: CancellationToken::new(),
            }),
        }
    }

    /// How the coordinator works.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The store that it works on.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn TaskStore> {
        self.inner.market.store()
    }

    /// Where the coordinator counts what it does; what serves it may add its own counts.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.inner.signals.metrics.registry()
    }

    /// The time of the store, which the coordinator works by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store().now()
    }
}
