//! Names of things: tasks, workers, runs of a worker, kinds of work.

mod name;
mod task_id;

pub use name::{
    EntityType, IdempotencyKey, InstanceId, InvalidName, Label, OwnerId, PolicyName, Reference,
    RequestId, Tag, TaskType, WorkerId,
};
pub use task_id::{InvalidTaskId, TaskId};
