use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::TaskType;

use super::{Comparator, ConsensusPolicy, Exact, MajorityVote, SequentialTest, StandingPolicy};

/// What decides in a market: which policy decides tasks of which type (a default, and exceptions by
/// task type), when two answers of a type say the same, and how far workers are trusted.
///
/// Cloning is cheap and shares the policies.
#[derive(Debug, Clone)]
pub struct Policies {
    default: Arc<dyn ConsensusPolicy>,
    by_type: Arc<BTreeMap<TaskType, Arc<dyn ConsensusPolicy>>>,
    comparators: Arc<BTreeMap<TaskType, Arc<dyn Comparator>>>,
    standing: Arc<dyn StandingPolicy>,
}

impl Policies {
    /// Decides every type by `default`; answers say the same when they are equal, and the
    /// [`SequentialTest`] says how far workers are trusted.
    pub fn new(default: impl ConsensusPolicy) -> Self {
        Self {
            default: Arc::new(default),
            by_type: Arc::default(),
            comparators: Arc::default(),
            standing: Arc::new(SequentialTest::default()),
        }
    }

    /// Decides tasks of `task_type` by `policy`.
    #[must_use]
    pub fn with(mut self, task_type: TaskType, policy: impl ConsensusPolicy) -> Self {
        Arc::make_mut(&mut self.by_type).insert(task_type, Arc::new(policy));
        self
    }

    /// Decides every type without a policy of its own by `default`.
    #[must_use]
    pub fn with_default(mut self, default: impl ConsensusPolicy) -> Self {
        self.default = Arc::new(default);
        self
    }

    /// Lets `comparator` say when two answers to tasks of `task_type` say the same.
    #[must_use]
    pub fn with_comparator(mut self, task_type: TaskType, comparator: impl Comparator) -> Self {
        Arc::make_mut(&mut self.comparators).insert(task_type, Arc::new(comparator));
        self
    }

    /// Lets `policy` say how far workers are trusted.
    #[must_use]
    pub fn with_standing(mut self, policy: impl StandingPolicy) -> Self {
        self.standing = Arc::new(policy);
        self
    }

    /// The policy that decides tasks of `task_type`.
    #[must_use]
    pub fn get(&self, task_type: &TaskType) -> &dyn ConsensusPolicy {
        &**self.by_type.get(task_type).unwrap_or(&self.default)
    }

    /// What says when two answers to tasks of `task_type` say the same.
    #[must_use]
    pub fn comparator(&self, task_type: &TaskType) -> &dyn Comparator {
        match self.comparators.get(task_type) {
            Some(comparator) => &**comparator,
            None => &Exact,
        }
    }

    /// What says how far workers are trusted.
    #[must_use]
    pub fn standing(&self) -> &dyn StandingPolicy {
        &*self.standing
    }
}

impl Default for Policies {
    /// Decides every type by [`MajorityVote`].
    fn default() -> Self {
        Self::new(MajorityVote)
    }
}
