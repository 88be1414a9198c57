//! What metrics of several parts have in common.

mod by_task_type;
mod in_progress;
mod in_registry;

pub use by_task_type::ByTaskType;
pub use in_progress::InProgress;
pub use in_registry::InRegistry;
