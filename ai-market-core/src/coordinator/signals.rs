use crate::market::{Effects, InsertOutcome, Observer, Report};
use crate::metrics::InRegistry;
use crate::time::Timestamp;

use super::events::EventHub;
use super::metrics::Metrics;
use super::recorder::Recorder;
use super::wakeups::Wakeups;
use super::watchers::Watchers;

/// Whom a coordinator tells of what happened, and what it counts.
///
/// It learns of every step of its market once that is durable, whether or not the caller of the
/// step still waits.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) wakeups: Wakeups,
    pub(super) watchers: Watchers,
    pub(super) metrics: InRegistry<Metrics>,
    pub(super) recorder: Recorder,
    pub(super) events: EventHub,
}

impl Observer for Signals {
    fn committed(&self, report: &Report<'_>, effects: &Effects, at: Timestamp) {
        match report {
            Report::Inserted(tasks) => {
                let created =
                    |outcome: &InsertOutcome| matches!(outcome, InsertOutcome::Created(_));
                let tasks = tasks.iter().filter(|(_, outcome)| created(outcome));
                let mut n = 0;
                for (task_type, _) in tasks {
                    self.metrics.created(task_type);
                    n += 1;
                }
                self.recorder.created(n, at);
            }
            Report::Registered => self.metrics.registered(),
            Report::Claimed(assignments) => self.metrics.granted(assignments),
            Report::Renewed => self.metrics.heartbeat(),
            Report::Submitted(outcomes) => {
                for outcome in *outcomes {
                    self.metrics.voted(outcome);
                }
            }
            Report::Pruned(deleted) => self.metrics.pruned(*deleted),
            Report::Cleared => self.recorder.reset(at),
            Report::Other => {}
        }
        if !effects.events().is_empty() {
            self.metrics.happened(effects.events(), at);
            self.recorder.happened(effects.events(), at);
        }
        for (task_type, replicas) in effects.freed() {
            self.wakeups.freed(task_type, replicas);
        }
        for task in effects.closed() {
            self.watchers.closed(task);
        }
        // Any step may have logged something: a worker that was stale has returned, say.
        self.events.news();
    }
}
