//! Tasks and their life cycle.

mod input_digest;
mod new_task;
mod params;
mod record;
mod salt;
mod status;

pub use input_digest::InputDigest;
pub use new_task::NewTask;
pub use params::{InvalidParams, Params};
pub use record::{Task, TaskDetails, TaskState};
pub use status::{InvalidTaskStatus, TaskStatus};
