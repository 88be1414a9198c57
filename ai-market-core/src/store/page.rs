use crate::task::{Task, TaskState};

use super::TaskQuery;

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Whether further ones follow the last of them; false where there is none.
    pub more: bool,
}

impl TaskPage {
    /// These tasks, and whether there are more.
    #[must_use]
    pub fn new(tasks: Vec<Task>, more: bool) -> Self {
        let more = more && !tasks.is_empty();
        Self { tasks, more }
    }

    /// Takes tasks until the page of `query` is full.
    ///
    /// Nothing is asked for beyond the first task that finds no place, which is how the page knows
    /// that there are more.
    ///
    /// # Errors
    ///
    /// The first error among the tasks that were asked for.
    pub fn fill<E>(
        query: &TaskQuery,
        tasks: impl IntoIterator<Item = Result<Task, E>>,
    ) -> Result<Self, E> {
        let mut page = Self::default();
        let mut bytes = 0_usize;
        for task in tasks {
            let task = task?;
            bytes = bytes.saturating_add(Self::size_of(&task));
            let too_large = bytes > query.max_bytes && !page.tasks.is_empty();
            if page.tasks.len() >= query.limit || too_large {
                return Ok(Self::new(page.tasks, true));
            }
            page.tasks.push(task);
        }
        Ok(page)
    }

    /// How many bytes of a task are counted: its text, params, reference and tags, the name of its
    /// type, and how it ended. What else there is of a task is small.
    #[must_use]
    pub fn size_of(task: &Task) -> usize {
        let end = match &task.state {
            TaskState::Open => 0,
            TaskState::Finalized { label, policy, .. } => {
                label.as_str().len() + policy.as_str().len()
            }
            TaskState::Failed { reason, .. } | TaskState::Cancelled { reason, .. } => reason.len(),
        };
        let params = task.params.as_ref().map_or(0, |p| p.as_str().len());
        let reference = task.reference.as_ref().map_or(0, |r| r.as_str().len());
        let tags: usize = task.tags.iter().map(|tag| tag.as_str().len()).sum();
        task.text.len() + task.task_type.as_str().len() + params + reference + tags + end
    }
}
