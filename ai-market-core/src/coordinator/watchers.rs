use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::id::TaskId;

/// Tells those that wait for a task when it is closed.
#[derive(Debug)]
pub(super) struct Watchers {
    tasks: Mutex<Tasks>,
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct Tasks {
    watched: HashMap<TaskId, Arc<watch::Sender<bool>>>,
    waiting: usize,
}

impl Watchers {
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            tasks: Mutex::default(),
            max_waiting,
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        // OK because nothing panics under the lock.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch a task; `None` when too many wait. A close from now on is not missed.
    pub(super) fn watch(&self, task: TaskId) -> Option<Watcher<'_>> {
        let mut tasks = self.tasks();
        if tasks.waiting >= self.max_waiting {
            return None;
        }
        tasks.waiting += 1;
        let sender = tasks
            .watched
            .entry(task)
            .or_insert_with(|| Arc::new(watch::Sender::new(false)));
        let closed = sender.subscribe();
        Some(Watcher {
            watchers: self,
            task,
            closed,
        })
    }

    /// Notes that a task was finalized or failed.
    pub(super) fn closed(&self, task: TaskId) {
        if let Some(sender) = self.tasks().watched.get(&task) {
            sender.send_replace(true);
        }
    }
}

/// One that waits for a task.
#[derive(Debug)]
pub(super) struct Watcher<'a> {
    watchers: &'a Watchers,
    task: TaskId,
    closed: watch::Receiver<bool>,
}

impl Watcher<'_> {
    /// Waits until the task is closed.
    pub(super) async fn closed(&mut self) {
        // The sender lives as long as there is a watcher.
        drop(self.closed.wait_for(|closed| *closed).await);
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        let mut tasks = self.watchers.tasks();
        tasks.waiting -= 1;
        let last = tasks
            .watched
            .get(&self.task)
            .is_some_and(|s| s.receiver_count() <= 1);
        if last {
            tasks.watched.remove(&self.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn every_watcher_of_a_task_hears_of_its_end() {
        let watchers = Watchers::new(10);
        let task = TaskId::generate(Timestamp::from_micros(0));
        let other = TaskId::generate(Timestamp::from_micros(0));
        let mut a = watchers.watch(task).unwrap();
        let mut b = watchers.watch(task).unwrap();
        let mut c = watchers.watch(other).unwrap();
        assert!(a.closed().now_or_never().is_none());
        watchers.closed(task);
        assert!(a.closed().now_or_never().is_some());
        assert!(b.closed().now_or_never().is_some());
        assert!(c.closed().now_or_never().is_none());
        drop((a, b, c));
        assert!(watchers.tasks().watched.is_empty());
        assert_eq!(watchers.tasks().waiting, 0);
    }

    #[test]
    fn too_many_are_turned_away() {
        let watchers = Watchers::new(1);
        let task = TaskId::generate(Timestamp::from_micros(0));
        let first = watchers.watch(task);
        assert!(first.is_some() && watchers.watch(task).is_none());
    }
}
