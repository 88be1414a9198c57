use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use ai_market_core::coordinator::Limits;
use ai_market_core::id::TaskType;

use crate::config::Head;
#[cfg(feature = "hub")]
use crate::source::HubOptions;

/// How a classifier is loaded and run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClassifierOptions {
    /// The most tokens read of a text, special ones included. The model's own limits hold besides.
    pub max_tokens: Option<NonZeroUsize>,
    /// The task types that it serves; unless set, `sentiment` where it classifies whole texts and
    /// `ner` where it classifies tokens.
    pub task_types: Option<BTreeSet<TaskType>>,
    /// Whether labels, and the types of entities, are given in lower case; unless set, labels are
    /// and types are as the model spells them.
    pub lowercase_labels: Option<bool>,
    /// The longest label that an answer may have, in bytes of UTF-8; unless set, what a coordinator
    /// takes by default ([`Limits::max_label_bytes`]).
    ///
    /// Only a classifier of tokens can come to it: its labels name all that it found in a text.
    pub max_label_bytes: usize,
    /// Threads that compute; as many as the process may use unless set.
    pub threads: Option<NonZeroUsize>,
    /// Tokens that are computed at once, at most (a single text may have more); 512 unless set.
    ///
    /// More cost memory and bring no speed, fewer lose some.
    pub batch_tokens: NonZeroUsize,
    /// The most texts that a backend takes at once; 32 unless set.
    pub max_batch: NonZeroUsize,
    /// Where the hub and its cache are; as the environment says unless set.
    #[cfg(feature = "hub")]
    pub hub: HubOptions,
}

const BATCH_TOKENS: NonZeroUsize = NonZeroUsize::new(512).unwrap();
const MAX_BATCH: NonZeroUsize = NonZeroUsize::new(32).unwrap();

impl ClassifierOptions {
    /// The defaults that the fields name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_tokens: None,
            task_types: None,
            lowercase_labels: None,
            max_label_bytes: Limits::default().max_label_bytes,
            threads: None,
            batch_tokens: BATCH_TOKENS,
            max_batch: MAX_BATCH,
            #[cfg(feature = "hub")]
            hub: HubOptions::from_env(),
        }
    }

    /// Reads at most so many tokens of a text, special ones included.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: NonZeroUsize) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Serves these task types instead of `sentiment` or `ner`.
    #[must_use]
    pub fn with_task_types(mut self, task_types: impl IntoIterator<Item = TaskType>) -> Self {
        self.task_types = Some(task_types.into_iter().collect());
        self
    }

    /// Gives labels and types of entities in lower case, or as the model spells them.
    #[must_use]
    pub fn with_lowercase_labels(mut self, lowercase: bool) -> Self {
        self.lowercase_labels = Some(lowercase);
        self
    }

    /// Gives no answer whose label is longer, in bytes of UTF-8.
    #[must_use]
    pub fn with_max_label_bytes(mut self, max_label_bytes: usize) -> Self {
        self.max_label_bytes = max_label_bytes;
        self
    }

    /// Computes on so many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Computes at most so many tokens at once.
    #[must_use]
    pub fn with_batch_tokens(mut self, batch_tokens: NonZeroUsize) -> Self {
        self.batch_tokens = batch_tokens;
        self
    }

    /// Takes at most so many texts at once.
    #[must_use]
    pub fn with_max_batch(mut self, max_batch: NonZeroUsize) -> Self {
        self.max_batch = max_batch;
        self
    }

    /// Uses this hub and cache instead of those that the environment names.
    #[cfg(feature = "hub")]
    #[must_use]
    pub fn with_hub(mut self, hub: HubOptions) -> Self {
        self.hub = hub;
        self
    }

    pub(crate) fn task_types_for(&self, head: Head) -> BTreeSet<TaskType> {
        let usual = || BTreeSet::from([head.task_type()]);
        self.task_types.clone().unwrap_or_else(usual)
    }

    pub(crate) fn lowercase_for(&self, head: Head) -> bool {
        self.lowercase_labels.unwrap_or(head == Head::Sequence)
    }
}

impl Default for ClassifierOptions {
    fn default() -> Self {
        Self::new()
    }
}
