use std::collections::BTreeMap;
use std::time::Duration;

use crate::consensus::{RecordChange, TrackRecord};
use crate::id::{IdempotencyKey, TaskId, WorkerId};
use crate::store::{Counter, SEEN_INTERVAL, ServiceRow, Tally};
use crate::time::Timestamp;

use super::state::{Activity, Known, RecordKey, State, TallyKey, TaskRow};

/// One change of the rows. Applying it returns the change that takes it back.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    // Rows that are written whole; `None` deletes one.
    Task(TaskId, Option<Box<TaskRow>>),
    Name(IdempotencyKey, Option<TaskId>),
    Worker(WorkerId, Option<Known>),
    Record(RecordKey, Option<Box<TrackRecord>>),
    Bytes(Vec<u8>, Option<Vec<u8>>),
    Service(ServiceRow),
    // Rows that are added to, and as they were before.
    Count(Counter, i64),
    Counter {
        counter: Counter,
        n: Option<i64>,
        open_tasks: i64,
    },
    Seen {
        worker: WorkerId,
        at: Timestamp,
        /// Also where it was seen a moment ago.
        always: bool,
    },
    Heartbeat(WorkerId, Timestamp),
    Activity(WorkerId, Option<Box<Activity>>),
    AddTally(TallyKey, Box<Tally>),
    Tally(TallyKey, Option<Box<Tally>>),
    AddRecord(RecordKey, Box<RecordChange>),
    // Everything at once.
    Shift {
        by: Duration,
        latest: Timestamp,
        now: Timestamp,
    },
    Clear,
    Everything(Box<State>),
    Several(Vec<Change>),
}

/// Puts another value in the place of one, or none, and returns what was there.
fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

impl Change {
    /// Makes the change, and returns the one that takes it back.
    pub(super) fn apply(self, state: &mut State) -> Self {
        match self {
            Self::Task(id, row) => {
                let before = state.replace_task(id, row.map(|row| *row));
                Self::Task(id, before.map(Box::new))
            }
            Self::Name(name, task) => {
                let before = replace(&mut state.names, name.clone(), task);
                Self::Name(name, before)
            }
            Self::Worker(worker, known) => {
                let before = replace(&mut state.workers, worker.clone(), known);
                Self::Worker(worker, before)
            }
            Self::Record(key, record) => {
                let record = record.map(|record| *record);
                let before = replace(&mut state.records, key.clone(), record);
                Self::Record(key, before.map(Box::new))
            }
            Self::Bytes(key, value) => {
                let before = replace(&mut state.bytes, key.clone(), value);
                Self::Bytes(key, before)
            }
            Self::Service(row) => Self::Service(std::mem::replace(&mut state.service, row)),
            Self::Count(counter, by) => {
                let n = state.counters.get(&counter).copied();
                let sum = n.unwrap_or(0).saturating_add(by);
                let mut open_tasks = state.open_tasks;
                if matches!(&counter, Counter::Tasks(_, status) if status.is_open()) {
                    open_tasks = open_tasks.saturating_add(by);
                }
                let n = (sum != 0).then_some(sum);
                Self::Counter {
                    counter,
                    n,
                    open_tasks,
                }
                .apply(state)
            }
            Self::Counter {
                counter,
                n,
                open_tasks,
            } => {
                let n = replace(&mut state.counters, counter.clone(), n);
                let open_tasks = std::mem::replace(&mut state.open_tasks, open_tasks);
                Self::Counter {
                    counter,
                    n,
                    open_tasks,
                }
            }
            Self::Seen { worker, at, always } => {
                let before = state.activity.get(&worker).cloned();
                let activity = state.activity.entry(worker.clone()).or_default();
                let news = activity
                    .last_seen
                    .is_none_or(|seen| at >= seen.plus(SEEN_INTERVAL));
                if always || news {
                    activity.last_seen = activity.last_seen.max(Some(at));
                }
                Self::Activity(worker, before.map(Box::new))
            }
            Self::Heartbeat(worker, at) => {
                let before = state.activity.get(&worker).cloned();
                let activity = state.activity.entry(worker.clone()).or_default();
                activity.last_heartbeat = activity.last_heartbeat.max(Some(at));
                Self::Activity(worker, before.map(Box::new))
            }
            Self::Activity(worker, activity) => {
                let activity = activity.map(|activity| *activity);
                let before = replace(&mut state.activity, worker.clone(), activity);
                Self::Activity(worker, before.map(Box::new))
            }
            Self::AddTally(key, by) => {
                let worker = key.0.clone();
                let activity = state.activity.get(&worker).cloned();
                let sum = state.activity.entry(worker.clone()).or_default();
                sum.points = sum.points.saturating_add(by.points);
                sum.submissions = sum.submissions.saturating_add(by.submissions);
                let tally = state.tallies.get(&key).copied();
                state.tallies.entry(key.clone()).or_default().add(&by);
                Self::Several(vec![
                    Self::Activity(worker, activity.map(Box::new)),
                    Self::Tally(key, tally.map(Box::new)),
                ])
            }
            Self::Tally(key, tally) => {
                let tally = tally.map(|tally| *tally);
                let before = replace(&mut state.tallies, key.clone(), tally);
                Self::Tally(key, before.map(Box::new))
            }
            Self::AddRecord(key, change) => {
                let before = state.records.get(&key).cloned();
                state.records.entry(key.clone()).or_default().apply(&change);
                Self::Record(key, before.map(Box::new))
            }
            Self::Shift { by, latest, now } => shift(state, by, latest, now),
            Self::Clear => {
                let mut log = state.log.clone();
                log.clear();
                let before = std::mem::replace(state, State::with_log(log));
                Self::Everything(Box::new(before))
            }
            Self::Everything(other) => {
                let before = std::mem::replace(state, *other);
                Self::Everything(Box::new(before))
            }
            Self::Several(changes) => {
                let changes = changes.into_iter();
                let mut back: Vec<_> = changes.map(|change| change.apply(state)).collect();
                back.reverse();
                Self::Several(back)
            }
        }
    }
}

fn shift(state: &mut State, by: Duration, latest: Timestamp, now: Timestamp) -> Change {
    let mut changes = Vec::new();
    for (id, row) in &state.tasks {
        if row.leases.is_empty() {
            continue;
        }
        let mut row = row.clone();
        for lease in &mut row.leases {
            lease.until = lease.until.plus(by).min(latest);
            lease.claimed_at = lease.claimed_at.plus(by).min(now);
        }
        changes.push(Change::Task(*id, Some(Box::new(row))));
    }
    for (worker, activity) in &state.activity {
        if activity.last_seen > Some(now) {
            let activity = Activity {
                last_seen: Some(now),
                ..activity.clone()
            };
            changes.push(Change::Activity(worker.clone(), Some(Box::new(activity))));
        }
    }
    Change::Several(changes).apply(state)
}
