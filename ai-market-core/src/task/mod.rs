//! Tasks and their life cycle.

mod new_task;
mod record;
mod status;

pub use new_task::NewTask;
pub use record::{Task, TaskDetails, TaskState};
pub use status::{InvalidTaskStatus, TaskStatus};
