use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::id::TaskType;

/// Wakes workers that wait for tasks: for each replica that becomes claimable one worker of its
/// type, the one that has waited longest.
///
/// A woken worker that finds nothing for itself passes the wake-up on to one that has not looked
/// since the last news, so that each looks at most once per news and none is forgotten. What is
/// counted here only steers who is woken: a waiter looks by itself after it is armed.
#[derive(Debug)]
pub(super) struct Wakeups {
    state: Mutex<State>,
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    types: HashMap<TaskType, Queue>,
    next_waiter: u64,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Queue {
    /// Counts the news of replicas that became claimable.
    news: u64,
    /// How many replicas became claimable and were not claimed yet, as far as is known.
    free: u64,
    /// How many woken workers are looking.
    looking: u64,
    /// Sleeping waiters by the news that they have looked after, then by age.
    sleeping: BTreeSet<(u64, u64)>,
    signals: HashMap<u64, Arc<Notify>>,
}

impl Queue {
    fn wake(&mut self) {
        while self.looking < self.free {
            match self.sleeping.first().copied() {
                Some((seen, waiter)) if seen < self.news => {
                    self.sleeping.pop_first();
                    self.looking += 1;
                    if let Some(signal) = self.signals.get(&waiter) {
                        signal.notify_one();
                    }
                }
                _ => break,
            }
        }
        if self.looking == 0 {
            // Everybody who waits has looked since the last news, so what is free is for none of
            // them; a new waiter looks by itself.
            self.free = 0;
        }
    }
}

impl Wakeups {
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            state: Mutex::default(),
            max_waiting,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // OK because nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that `replicas` of tasks of `task_type` became claimable.
    pub(super) fn freed(&self, task_type: &TaskType, replicas: u64) {
        let mut state = self.state();
        // A type for which nobody ever waited needs no queue: a new waiter looks by itself.
        let Some(queue) = state.types.get_mut(task_type) else {
            return;
        };
        queue.free = queue.free.saturating_add(replicas);
        queue.news += 1;
        queue.wake();
    }

    /// Notes that a waiter claimed `replicas` of tasks of `task_type`.
    ///
    /// Claims of others are not counted: they may take replicas that became claimable before
    /// anybody waited, and to count those would cost a waiter its wake-up.
    pub(super) fn claimed(&self, task_type: &TaskType, replicas: u64) {
        if let Some(queue) = self.state().types.get_mut(task_type) {
            queue.free = queue.free.saturating_sub(replicas);
        }
    }

    /// A place in the queues of `task_types`; `None` when too many wait.
    pub(super) fn arm(&self, task_types: impl IntoIterator<Item = TaskType>) -> Option<Waiter<'_>> {
        let mut state = self.state();
        if state.waiting >= self.max_waiting {
            return None;
        }
        state.waiting += 1;
        state.next_waiter += 1;
        let id = state.next_waiter;
        let signal = Arc::new(Notify::new());
        let mut places = Vec::new();
        for task_type in task_types {
            let queue = state.types.entry(task_type.clone()).or_default();
            queue.signals.insert(id, Arc::clone(&signal));
            queue.looking += 1;
            places.push(Place {
                task_type,
                seen: queue.news,
                asleep: false,
            });
        }
        Some(Waiter {
            wakeups: self,
            id,
            signal,
            places,
        })
    }
}

/// A worker that waits, or is looking.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    wakeups: &'a Wakeups,
    id: u64,
    signal: Arc<Notify>,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    task_type: TaskType,
    /// The news before the last look.
    seen: u64,
    asleep: bool,
}

impl Waiter<'_> {
    /// To be called before each look: news that come from now on are not missed.
    ///
    /// Takes the waiter out of the queues in which it still sleeps.
    pub(super) fn look(&mut self) {
        let mut state = self.wakeups.state();
        for place in &mut self.places {
            let Some(queue) = state.types.get_mut(&place.task_type) else {
                continue;
            };
            if place.asleep && queue.sleeping.remove(&(place.seen, self.id)) {
                // It was not woken for this type, so it is one more that looks.
                queue.looking += 1;
            }
            place.asleep = false;
            place.seen = queue.news;
        }
    }

    /// Sleeps until there are news that nobody else takes care of.
    pub(super) async fn sleep(&mut self) {
        {
            let mut state = self.wakeups.state();
            for place in self.places.iter_mut().filter(|place| !place.asleep) {
                let Some(queue) = state.types.get_mut(&place.task_type) else {
                    continue;
                };
                place.asleep = true;
                queue.sleeping.insert((place.seen, self.id));
                queue.looking = queue.looking.saturating_sub(1);
                queue.wake();
            }
        }
        self.signal.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.wakeups.state();
        state.waiting -= 1;
        for place in &self.places {
            let Some(queue) = state.types.get_mut(&place.task_type) else {
                continue;
            };
            queue.signals.remove(&self.id);
            let slept = place.asleep && queue.sleeping.remove(&(place.seen, self.id));
            if !slept {
                queue.looking = queue.looking.saturating_sub(1);
                queue.wake();
            }
            // Task types come from outside, so what nobody waits for is forgotten.
            if queue.signals.is_empty() {
                state.types.remove(&place.task_type);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn sentiment() -> TaskType {
        TaskType::sentiment()
    }

    fn arm(wakeups: &Wakeups) -> Waiter<'_> {
        let mut waiter = wakeups.arm([sentiment()]).unwrap();
        waiter.look();
        waiter
    }

    fn is_woken(waiter: &mut Waiter<'_>) -> bool {
        waiter.sleep().now_or_never().is_some()
    }

    #[test]
    fn one_replica_wakes_the_one_that_waited_longest() {
        let wakeups = Wakeups::new(10);
        let (mut a, mut b) = (arm(&wakeups), arm(&wakeups));
        assert!(!is_woken(&mut a) && !is_woken(&mut b));
        wakeups.freed(&sentiment(), 1);
        assert!(is_woken(&mut a) && !is_woken(&mut b));
    }

    #[test]
    fn whoever_finds_nothing_passes_the_wake_up_on() {
        let wakeups = Wakeups::new(10);
        let (mut a, mut b) = (arm(&wakeups), arm(&wakeups));
        assert!(!is_woken(&mut a) && !is_woken(&mut b));
        wakeups.freed(&sentiment(), 1);
        assert!(is_woken(&mut a));
        a.look();
        assert!(!is_woken(&mut a), "it has looked since the news");
        assert!(is_woken(&mut b));
        b.look();
        assert!(!is_woken(&mut b));
    }

    #[test]
    fn whoever_gives_up_while_looking_passes_the_wake_up_on() {
        let wakeups = Wakeups::new(10);
        let (mut a, mut b) = (arm(&wakeups), arm(&wakeups));
        assert!(!is_woken(&mut a) && !is_woken(&mut b));
        wakeups.freed(&sentiment(), 1);
        drop(a);
        assert!(is_woken(&mut b));
    }

    #[test]
    fn news_during_a_look_are_not_lost() {
        let wakeups = Wakeups::new(10);
        let mut a = arm(&wakeups);
        wakeups.freed(&sentiment(), 1);
        assert!(is_woken(&mut a));
    }

    #[test]
    fn what_was_claimed_wakes_nobody() {
        let wakeups = Wakeups::new(10);
        let (mut a, mut b) = (arm(&wakeups), arm(&wakeups));
        assert!(!is_woken(&mut a) && !is_woken(&mut b));
        wakeups.freed(&sentiment(), 1);
        assert!(is_woken(&mut a));
        a.look();
        wakeups.claimed(&sentiment(), 1);
        drop(a);
        assert!(!is_woken(&mut b));
    }

    #[test]
    fn other_types_wake_nobody_and_too_many_are_turned_away() {
        let wakeups = Wakeups::new(1);
        let mut a = arm(&wakeups);
        assert!(wakeups.arm([sentiment()]).is_none());
        wakeups.freed(&TaskType::new("ner").unwrap(), 1);
        assert!(!is_woken(&mut a));
        drop(a);
        assert!(wakeups.arm([sentiment()]).is_some());
    }
}
