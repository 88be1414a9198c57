use std::time::Duration;

use crate::api::{ApiError, ErrorCode};

/// Bounds on what a coordinator takes.
///
/// What is over a bound on size is refused; what is over a bound on how much to give or how long to
/// wait counts as the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest text of a task, in bytes of UTF-8.
    pub max_text_bytes: usize,
    /// The longest params of a task, in bytes of their canonical form. At most
    /// [`Params::MAX_BYTES`](crate::task::Params::MAX_BYTES) count.
    pub max_params_bytes: usize,
    /// The longest label of a vote, in bytes of UTF-8.
    pub max_label_bytes: usize,
    /// The longest that the labels which a vote scores may be together, in bytes of UTF-8. With the
    /// bounds on labels and votes it bounds what a task's details hold.
    pub max_scores_bytes: usize,
    /// The most tasks that may be open at the same time.
    pub max_open_tasks: u64,
    /// The most task types that may be in use: by a task, or by a worker that is here.
    pub max_task_types: u64,
    /// The most models that workers and votes may name. A vote that names one more counts without it.
    pub max_models: u64,
    /// The most workers that may be registered.
    pub max_workers: u64,
    /// The most votes that a task may ask for, and that a policy may extend it to.
    pub max_submissions: u32,
    /// The most lost leases that a task may allow.
    pub max_attempts: u32,
    /// The most tasks, votes or ids in one request.
    pub max_batch: usize,
    /// The most tasks, places, workers, models or task types on one page.
    pub max_page: usize,
    /// The most bytes of tasks on one page, as [`TaskPage::size_of`](crate::store::TaskPage::size_of)
    /// counts them; one task is on it whatever its size.
    pub max_page_bytes: usize,
    /// The most tasks given out in one claim.
    pub max_claim: usize,
    /// The most leases that one worker may hold.
    pub max_leases_per_worker: usize,
    /// The most task types that one worker may name.
    pub max_capabilities: usize,
    /// The most labels that a model of a worker may name.
    pub max_labels: usize,
    /// The longest that a request may wait for something to happen.
    pub max_wait: Duration,
    /// The most requests that may wait at the same time.
    pub max_waiting: usize,
    /// The most that may follow the events at the same time.
    pub max_followers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_text_bytes: 100_000,
            max_params_bytes: 4_096,
            max_label_bytes: 4_096,
            max_scores_bytes: 32 * 1024,
            max_open_tasks: 10_000_000,
            max_task_types: 10_000,
            max_models: 10_000,
            max_workers: 100_000,
            max_submissions: 100,
            max_attempts: 100,
            max_batch: 1_000,
            max_page: 1_000,
            max_page_bytes: 8 * 1024 * 1024,
            max_claim: 64,
            max_leases_per_worker: crate::market::Claim::DEFAULT_MAX_LEASES,
            max_capabilities: 64,
            max_labels: 1_000,
            max_wait: Duration::from_secs(30),
            max_waiting: 10_000,
            max_followers: 1_000,
        }
    }
}

impl Limits {
    /// Checks that the list `field` of a request has at most [`max_batch`](Self::max_batch) items.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](ErrorCode::TooLarge) with the field when it has more.
    pub fn check_batch(&self, field: &str, items: usize) -> Result<(), ApiError> {
        let max = self.max_batch;
        if items > max {
            let message = format!("{items} items are given at once; at most {max} are taken");
            return Err(ApiError::new(ErrorCode::TooLarge, message).with_field(field));
        }
        Ok(())
    }
}
