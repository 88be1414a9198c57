use std::sync::Arc;

use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::consensus::Policies;
use crate::metrics::InRegistry;
use crate::store::MarketStore;
use crate::time::{Clock, Timestamp};

use super::able::AbleWorkers;
use super::events::EventHub;
use super::metrics::Metrics;
use super::recorder::Recorder;
use super::wakeups::Wakeups;
use super::watchers::Watchers;
use super::{CoordinatorBuilder, Settings};

/// Leases tasks to workers, takes their votes, and tells clients what was decided.
///
/// It implements [`WorkerApi`](crate::api::WorkerApi), [`ClientApi`](crate::api::ClientApi),
/// [`InsightApi`](crate::api::InsightApi) and [`EventApi`](crate::api::EventApi) on a
/// [`MarketStore`]. Cloning is cheap; all clones are one coordinator. Someone must
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
    pub(super) store: Arc<dyn MarketStore>,
    pub(super) policies: Policies,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) wakeups: Wakeups,
    pub(super) watchers: Watchers,
    pub(super) able: AbleWorkers,
    pub(super) metrics: InRegistry<Metrics>,
    pub(super) recorder: Recorder,
    pub(super) events: EventHub,
    /// Ends every wait when the coordinator stops.
    pub(super) stopping: CancellationToken,
}

impl Coordinator {
    /// Begins building a coordinator on `store`.
    pub fn builder(store: impl MarketStore) -> CoordinatorBuilder {
        CoordinatorBuilder::new(Arc::new(store))
    }

    pub(super) fn new(
        store: Arc<dyn MarketStore>,
        policies: Policies,
        clock: Arc<dyn Clock>,
        settings: Settings,
        metrics: InRegistry<Metrics>,
    ) -> Self {
        let now = clock.now();
        Self {
            inner: Arc::new(Inner {
                store,
                policies,
                clock,
                wakeups: Wakeups::new(settings.limits.max_waiting),
                watchers: Watchers::new(settings.limits.max_waiting),
                able: AbleWorkers::default(),
                metrics,
                recorder: Recorder::new(now),
                events: EventHub::new(settings.limits.max_followers),
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
    pub fn store(&self) -> &Arc<dyn MarketStore> {
        &self.inner.store
    }

    /// Where the coordinator counts what it does; what serves it may add its own counts.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.inner.metrics.registry()
    }

    /// The coordinator's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}
