use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{IdempotencyKey, OwnerId, Reference, Tag, TaskId, TaskType};
use crate::time::Timestamp;

use super::salt::random_salt;
use super::{InputDigest, Params};

/// A task as it is put into a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewTask {
    /// Its id, made by the caller so that putting the same task in again is safe.
    pub id: TaskId,
    /// What is to be answered.
    pub text: Arc<str>,
    /// The kind of inference.
    pub task_type: TaskType,
    /// How many votes were asked for; it never changes.
    pub required_submissions: NonZeroU32,
    /// How many votes are wanted at first: at most `required_submissions`.
    pub wanted: NonZeroU32,
    /// How many votes the policy may ask for in the end: at least `required_submissions`.
    pub max_submissions: NonZeroU32,
    /// How many attempts may be lost before the task fails; 1 counts as 2, since nobody may fail a
    /// task alone.
    pub max_attempts: NonZeroU32,
    /// Higher comes first; 0 is usual.
    pub priority: i32,
    /// When the task is decided on the votes it has, or fails where it has none.
    pub deadline: Option<Timestamp>,
    /// The client's own name for the task.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Whether no two of its answers may come from the same model.
    pub distinct_models: bool,
    /// Settings for whoever answers it. They are kept and shown; nothing uses them yet.
    #[serde(default)]
    pub params: Option<Params>,
    /// The client's own text about the task.
    #[serde(default)]
    pub reference: Option<Reference>,
    /// The client's tags; a coordinator takes at most [`MAX_TAGS`](Self::MAX_TAGS).
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// The owner of the key with which it is created, where keys are in use.
    #[serde(default)]
    pub client: Option<OwnerId>,
    /// The salt of the task's [`InputDigest`]; zeros where an earlier version serialized the task.
    #[serde(default)]
    pub salt: [u8; InputDigest::SALT_BYTES],
}

impl NewTask {
    /// How many votes are asked for where nothing else is said.
    pub const DEFAULT_REQUIRED_SUBMISSIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
    /// How many leases may be lost where nothing else is said.
    pub const DEFAULT_MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

    /// The most tags that a coordinator takes for a task.
    pub const MAX_TAGS: usize = 16;

    /// A sentiment task that asks for three votes, allows five lost leases and has no deadline.
    ///
    /// Its salt is random. Where the operating system gives no random bytes, the salt consists of the
    /// random bits of the id.
    pub fn new(id: TaskId, text: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            text: text.into(),
            task_type: TaskType::sentiment(),
            required_submissions: Self::DEFAULT_REQUIRED_SUBMISSIONS,
            wanted: Self::DEFAULT_REQUIRED_SUBMISSIONS,
            max_submissions: Self::DEFAULT_REQUIRED_SUBMISSIONS,
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
            priority: 0,
            deadline: None,
            idempotency_key: None,
            distinct_models: false,
            params: None,
            reference: None,
            tags: BTreeSet::new(),
            client: None,
            salt: random_salt(id),
        }
    }

    /// Sets the owner of the key with which it is created.
    #[must_use]
    pub fn with_client(mut self, client: OwnerId) -> Self {
        self.client = Some(client);
        self
    }

    /// Sets the kind of inference.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = task_type;
        self
    }

    /// Asks for `votes`, wants as many at first, and lets the policy ask for no more.
    #[must_use]
    pub fn with_required_submissions(mut self, votes: NonZeroU32) -> Self {
        self.required_submissions = votes;
        self.wanted = votes;
        self.max_submissions = votes;
        self
    }

    /// Wants fewer votes at first; more than are required count as all of them.
    #[must_use]
    pub fn with_wanted(mut self, votes: NonZeroU32) -> Self {
        self.wanted = votes.min(self.required_submissions);
        self
    }

    /// Lets the policy ask for up to `votes`; fewer than are required count as the required ones.
    #[must_use]
    pub fn with_max_submissions(mut self, votes: NonZeroU32) -> Self {
        self.max_submissions = votes.max(self.required_submissions);
        self
    }

    /// Sets how many leases may be lost before the task fails.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the priority.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Timestamp) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets whether no two of its answers may come from the same model.
    #[must_use]
    pub fn with_distinct_models(mut self, distinct: bool) -> Self {
        self.distinct_models = distinct;
        self
    }

    /// Sets the client's own name for the task.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Sets the params.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.params = Some(params);
        self
    }

    /// Sets the client's own text about the task.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Sets the tags.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.tags = tags.into_iter().collect();
        self
    }

    /// Sets the salt of the input digest.
    #[must_use]
    pub fn with_salt(mut self, salt: [u8; InputDigest::SALT_BYTES]) -> Self {
        self.salt = salt;
        self
    }
}
