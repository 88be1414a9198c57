use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;

use crate::consensus::{Comparator, ConsensusPolicy, Policies, StandingPolicy};
use crate::id::TaskType;
use crate::store::TaskStore;

use super::metrics::Metrics;
use super::{Coordinator, InvalidSettings, Limits, Settings};

/// Builds a [`Coordinator`].
#[derive(Debug)]
#[must_use]
pub struct CoordinatorBuilder {
    store: Arc<dyn TaskStore>,
    policies: Policies,
    settings: Settings,
    registry: Registry,
}

impl CoordinatorBuilder {
    pub(super) fn new(store: Arc<dyn TaskStore>) -> Self {
        Self {
            store,
            policies: Policies::default(),
            settings: Settings::default(),
            registry: Registry::new(),
        }
    }

    /// Decides tasks by `policy`, but for types with a policy of their own.
    pub fn policy(mut self, policy: impl ConsensusPolicy) -> Self {
        self.policies = self.policies.with_default(policy);
        self
    }

    /// Decides tasks of `task_type` by `policy`.
    pub fn policy_for(mut self, task_type: TaskType, policy: impl ConsensusPolicy) -> Self {
        self.policies = self.policies.with(task_type, policy);
        self
    }

    /// Lets `comparator` say when two answers to tasks of `task_type` say the same.
    pub fn comparator_for(mut self, task_type: TaskType, comparator: impl Comparator) -> Self {
        self.policies = self.policies.with_comparator(task_type, comparator);
        self
    }

    /// Lets `policy` say how far workers are trusted.
    pub fn standing(mut self, policy: impl StandingPolicy) -> Self {
        self.policies = self.policies.with_standing(policy);
        self
    }

    /// Sets how long a lease lasts.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Sets how often workers are asked for a heartbeat.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.settings.heartbeat = heartbeat;
        self
    }

    /// Sets how many votes a task asks for that does not say.
    pub fn required_submissions(mut self, votes: NonZeroU32) -> Self {
        self.settings.required_submissions = votes;
        self
    }

    /// Sets whether everybody sees the votes on open tasks.
    pub fn open_votes(mut self, open: bool) -> Self {
        self.settings.open_votes = open;
        self
    }

    /// Sets the bounds on what is taken.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Replaces all settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Puts the coordinator's metrics into `registry`, beside those of its store, say; a new one is
    /// made where none is given. They are in it as long as the coordinator lives.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Builds the coordinator.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] when the settings cannot work together, or the registry has the metrics
    /// of another coordinator.
    pub fn build(self) -> Result<Coordinator, InvalidSettings> {
        self.settings.check()?;
        let metrics = Metrics::new().register(&self.registry)?;
        Ok(Coordinator::new(
            self.store,
            self.policies,
            self.settings,
            metrics,
        ))
    }
}
