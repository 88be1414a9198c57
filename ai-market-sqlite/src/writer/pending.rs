use std::collections::HashMap;

use ai_market_core::consensus::{FractionalCount, TrackRecord};
use ai_market_core::event::Event;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{SEEN_INTERVAL, Tally};
use ai_market_core::time::Timestamp;

use crate::data::{json, micros, sum_up};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{BeatWorker, CreditWorker, SeeWorker, SetPrior, SetRecord};

use super::counts::Counts;
use super::records::Records;

/// A worker, a task type and the number of a model.
type TallyKey = (WorkerId, TaskType, i64);

/// What is to be added to a worker.
#[derive(Debug, Default, Clone)]
pub(super) struct WorkerDelta {
    last_seen: Option<Timestamp>,
    last_heartbeat: Option<Timestamp>,
    points: i64,
    submissions: i64,
}

/// Changes that many jobs of a group make to the same few rows, collected so that each row is
/// written once per group.
///
/// No step reads these rows but through this.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) counts: Counts,
    workers: HashMap<WorkerId, WorkerDelta>,
    pub(super) records: Records,
    tallies: HashMap<TallyKey, Tally>,
    /// What happened, in order.
    events: Vec<(Timestamp, Event)>,
    /// Everything before was deleted.
    wiped: bool,
}

impl Pending {
    /// By how many there are more open tasks.
    pub(super) const fn open(&self) -> i64 {
        self.counts.open()
    }

    fn worker(&mut self, worker: &WorkerId) -> &mut WorkerDelta {
        self.workers.entry(worker.clone()).or_default()
    }

    pub(super) fn seen(&mut self, worker: &WorkerId, now: Timestamp) {
        let delta = self.worker(worker);
        delta.last_seen = delta.last_seen.max(Some(now));
    }

    pub(super) fn beat(&mut self, worker: &WorkerId, now: Timestamp) {
        let delta = self.worker(worker);
        delta.last_heartbeat = delta.last_heartbeat.max(Some(now));
    }

    /// When a worker was last heard of, and sent a heartbeat, in these changes.
    pub(super) fn heard(&self, worker: &WorkerId) -> (Option<Timestamp>, Option<Timestamp>) {
        let delta = self.workers.get(worker);
        delta.map_or((None, None), |delta| {
            (delta.last_seen, delta.last_heartbeat)
        })
    }

    /// How many workers were heard of in these changes, at most.
    pub(super) fn count_heard(&self) -> usize {
        self.workers.len()
    }

    /// Whether a worker was heard of, or something was learned of it, in these changes.
    pub(super) fn changes_worker(&self, worker: &WorkerId) -> bool {
        self.workers.contains_key(worker)
            || self.records.iter().any(|(_, of, _)| of == Some(worker))
            || self.tallies.keys().any(|(of, ..)| of == worker)
    }

    /// Of how many workers that may be so, at most.
    pub(super) fn count_changed_workers(&self) -> usize {
        self.workers.len() + self.records.len() + self.tallies.len()
    }

    /// Adds to a tally, and to the totals of its worker.
    pub(super) fn add_to_tally(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        model: i64,
        by: &Tally,
    ) {
        let key = (worker.clone(), task_type.clone(), model);
        self.tallies.entry(key).or_default().add(by);
        if by.points != 0 || by.submissions != 0 {
            let delta = self.worker(worker);
            delta.points = delta.points.saturating_add(by.points);
            let submissions = i64::try_from(by.submissions).unwrap_or(i64::MAX);
            delta.submissions = delta.submissions.saturating_add(submissions);
        }
    }

    /// Notes that something happened.
    pub(super) fn log(&mut self, event: Event, now: Timestamp) {
        self.events.push((now, event));
    }

    /// What happened.
    pub(super) fn take_events(&mut self) -> Vec<(Timestamp, Event)> {
        std::mem::take(&mut self.events)
    }

    /// Drops everything, since what it would change was deleted.
    pub(super) fn wipe(&mut self) {
        *self = Self {
            wiped: true,
            ..Self::default()
        };
    }

    /// Whether everything before was deleted, so that the database need not be asked.
    pub(super) const fn is_wiped(&self) -> bool {
        self.wiped
    }

    /// Adds what a later job of the same group did.
    pub(super) fn merge(&mut self, later: Self) {
        if later.wiped {
            *self = later;
            return;
        }
        self.counts.merge(later.counts);
        for (worker, delta) in later.workers {
            let sum = self.workers.entry(worker).or_default();
            sum.last_seen = sum.last_seen.max(delta.last_seen);
            sum.last_heartbeat = sum.last_heartbeat.max(delta.last_heartbeat);
            sum.points = sum.points.saturating_add(delta.points);
            sum.submissions = sum.submissions.saturating_add(delta.submissions);
        }
        self.records.merge(later.records);
        for (key, tally) in later.tallies {
            self.tallies.entry(key).or_default().add(&tally);
        }
        self.events.extend(later.events);
    }

    /// The numbers of the models to whose tallies something is added.
    pub(super) fn models(&self) -> Vec<i64> {
        self.tallies.keys().map(|(.., model)| *model).collect()
    }

    /// Writes the collected changes; `models` has the keys of the models by their numbers.
    pub(super) fn write(
        &self,
        db: &mut Connection,
        models: &HashMap<i64, String>,
    ) -> Result<(), Error> {
        self.counts.write(db)?;
        for (worker, delta) in &self.workers {
            if let Some(now) = delta.last_seen {
                let before = micros(now.minus(SEEN_INTERVAL));
                db.execute::<SeeWorker>((micros(now), worker, before))?;
            }
            if let Some(now) = delta.last_heartbeat {
                db.execute::<BeatWorker>((micros(now), micros(now), worker))?;
            }
            if delta.points != 0 || delta.submissions != 0 {
                db.execute::<CreditWorker>((delta.points, delta.submissions, worker))?;
            }
        }
        for (task_type, worker, record) in self.records.iter() {
            let (agreed, disagreed) = totals(record);
            let json = json("a track record", record)?;
            let json = json.as_str();
            match worker {
                Some(worker) => {
                    db.execute::<SetRecord>((task_type, worker, agreed, disagreed, json))?
                }
                None => db.execute::<SetPrior>((task_type, agreed, disagreed, json))?,
            };
        }
        for ((worker, task_type, model), tally) in &self.tallies {
            db.add_to_tally(worker, task_type, *model, tally)?;
        }
        let tallies = self.tallies.iter().filter_map(|((_, of, model), tally)| {
            let model = models.get(model)?;
            Some((model.as_str(), of, tally))
        });
        for (sum, tally) in sum_up(tallies) {
            db.add_to_sum(sum, &tally)?;
        }
        Ok(())
    }
}

/// The agreements and disagreements of a record as its columns hold them: rounded down.
fn totals(record: &TrackRecord) -> (i64, i64) {
    let total = |n: FractionalCount| i64::try_from(n.whole()).unwrap_or(i64::MAX);
    (total(record.agreements), total(record.disagreements))
}
