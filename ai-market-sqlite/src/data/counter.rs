use ai_market_core::store::Counter;

use super::status_number;

// The kinds of counters that the store keeps up itself. Those of the market are 0 to 4.

/// Tasks of a type.
pub(crate) const TASKS_OF_TYPE: i64 = 5;
/// Tasks in a status, which is the key.
pub(crate) const TASKS_IN_STATUS: i64 = 6;
/// Workers that serve a type.
pub(crate) const SERVING_TYPE: i64 = 7;
/// Models with which a type is served, as far as workers say.
pub(crate) const MODELS_OF_TYPE: i64 = 8;
/// Open tasks of a type that want more votes than there are workers for it.
pub(crate) const SHORT_OF_TYPE: i64 = 9;
/// The same of all types.
pub(crate) const SHORT: i64 = 10;
/// Whether a type has open tasks and nobody serves it: one or nothing.
pub(crate) const UNSERVED_TYPE: i64 = 11;
/// How many such types there are.
pub(crate) const UNSERVED: i64 = 12;
/// Workers that are gone.
pub(crate) const GONE: i64 = 13;

/// The kind of the counters of tasks by type and status.
pub(crate) const TASKS: i64 = 0;
/// The kind of the counter of votes.
pub(crate) const SUBMISSIONS: i64 = 3;
/// The kind of the counter of workers.
pub(crate) const WORKERS: i64 = 4;

/// A counter of the market as the database holds it: kind, task type and key.
pub(crate) fn counter_row(counter: &Counter) -> (i64, &str, i64) {
    match counter {
        Counter::Tasks(task_type, status) => (TASKS, task_type.as_str(), status_number(*status)),
        Counter::Claimable(task_type, wanted) => (1, task_type.as_str(), i64::from(*wanted)),
        Counter::Capable(task_type) => (2, task_type.as_str(), 0),
        Counter::Submissions => (SUBMISSIONS, "", 0),
        Counter::Workers => (WORKERS, "", 0),
    }
}
