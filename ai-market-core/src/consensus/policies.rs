use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::TaskType;

use super::{ConsensusPolicy, MajorityVote};

/// Which policy decides tasks of which type: a default, and exceptions by task type.
///
/// Cloning is cheap and shares the policies.
#[derive(Debug, Clone)]
pub struct Policies {
    default: Arc<dyn ConsensusPolicy>,
    by_type: Arc<BTreeMap<TaskType, Arc<dyn ConsensusPolicy>>>,
}

impl Policies {
    /// Decides every type by `default`.
    pub fn new(default: impl ConsensusPolicy) -> Self {
        Self {
            default: Arc::new(default),
            by_type: Arc::default(),
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

    /// The policy that decides tasks of `task_type`.
    #[must_use]
    pub fn get(&self, task_type: &TaskType) -> &dyn ConsensusPolicy {
        &**self.by_type.get(task_type).unwrap_or(&self.default)
    }
}

impl Default for Policies {
    /// Decides every type by [`MajorityVote`].
    fn default() -> Self {
        Self::new(MajorityVote)
    }
}
