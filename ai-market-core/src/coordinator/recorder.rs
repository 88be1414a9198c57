use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::api::{Activity, ActivitySlot};
use crate::event::Event;
use crate::time::Timestamp;

/// How long a slot is.
const SLOT: Duration = Duration::from_secs(5);

/// How many slots are kept, the one of now included: ten minutes.
const SLOTS: usize = 121;

/// How many times of a slot are kept at most: beyond, every second one is dropped.
const KEPT: usize = 256;

/// Remembers what the coordinator did in the last minutes, in a few hundred kilobytes.
#[derive(Debug)]
pub(super) struct Recorder(Mutex<Record>);

#[derive(Debug)]
struct Record {
    since: Timestamp,
    /// The number of the first slot, counted from 1970.
    first: i64,
    slots: VecDeque<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    created: u64,
    finalized: u64,
    failed: u64,
    times: Sample,
}

/// Every `stride`th of some times.
#[derive(Debug)]
struct Sample {
    seen: u64,
    stride: u64,
    kept: Vec<Duration>,
}

impl Recorder {
    /// Begins at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Record::new(now)))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // OK because nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was, as the market does.
    pub(super) fn reset(&self, now: Timestamp) {
        *self.record() = Record::new(now);
    }

    /// So many tasks were created.
    pub(super) fn created(&self, tasks: u64, now: Timestamp) {
        if tasks > 0 {
            self.record().slot(now).created += tasks;
        }
    }

    /// A step of the store did this.
    pub(super) fn happened(&self, events: &[Event], now: Timestamp) {
        let mut record = self.record();
        for event in events {
            match event {
                Event::TaskFinalized { created_at, .. } => {
                    let slot = record.slot(now);
                    slot.finalized += 1;
                    slot.times.add(now.since(*created_at));
                }
                Event::TaskFailed { .. } => record.slot(now).failed += 1,
                _ => {}
            }
        }
    }

    /// What is remembered.
    pub(super) fn activity(&self, now: Timestamp) -> Activity {
        let mut record = self.record();
        record.slot(now);
        let from = beginning(record.first);
        let slots = record.slots.iter().map(Slot::summary).collect();
        Activity::new(record.since.max(from), from, SLOT, slots)
    }
}

impl Record {
    fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            first: number(now),
            slots: VecDeque::new(),
        }
    }

    /// The slot of `now`; what is too old for that is dropped. A clock that was put back a little goes
    /// on with the last slot, and begins anew where that was much.
    fn slot(&mut self, now: Timestamp) -> &mut Slot {
        let wanted = number(now);
        if wanted < self.first {
            *self = Self::new(now);
        }
        let next = |record: &Self| record.first + record.slots.len() as i64;
        if wanted - next(self) >= SLOTS as i64 {
            self.slots.clear();
            self.first = wanted + 1 - SLOTS as i64;
        }
        while self.slots.is_empty() || next(self) <= wanted {
            self.slots.push_back(Slot::default());
            if self.slots.len() > SLOTS {
                self.slots.pop_front();
                self.first += 1;
            }
        }
        let last = self.slots.len() - 1;
        &mut self.slots[last]
    }
}

/// The number of the slot that `time` is in.
fn number(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(SLOT.as_micros() as i64)
}

fn beginning(slot: i64) -> Timestamp {
    Timestamp::from_micros(slot * SLOT.as_micros() as i64)
}

impl Slot {
    fn summary(&self) -> ActivitySlot {
        let mut times = self.times.kept.clone();
        times.sort_unstable();
        ActivitySlot {
            created: self.created,
            finalized: self.finalized,
            failed: self.failed,
            p50: quantile(&times, 50),
            p95: quantile(&times, 95),
        }
    }
}

/// The least of sorted times that so many of 100 do not exceed (nearest rank).
fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            seen: 0,
            stride: 1,
            kept: Vec::new(),
        }
    }
}

impl Sample {
    fn add(&mut self, time: Duration) {
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(time);
        }
        self.seen += 1;
        if self.kept.len() > KEPT {
            let mut keep = false;
            self.kept.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confidence::Confidence;
    use crate::id::{Label, TaskId, TaskType};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).plus(Duration::from_secs(seconds))
    }

    fn finalized(created_at: Timestamp) -> Event {
        Event::TaskFinalized {
            task: TaskId::from_bytes([1; 16]),
            task_type: TaskType::sentiment(),
            label: Label::new("yes").unwrap(),
            agreement: Confidence::ONE,
            submissions: 1,
            created_at,
        }
    }

    #[test]
    fn what_happens_is_in_the_slot_of_its_time() {
        let recorder = Recorder::new(at(1_003));
        recorder.created(2, at(1_004));
        recorder.happened(&[finalized(at(1_004))], at(1_006));
        recorder.happened(&[finalized(at(1_004)), finalized(at(1_000))], at(1_021));
        recorder.created(1, at(1_019));
        let activity = recorder.activity(at(1_026));
        assert_eq!((activity.since, activity.from), (at(1_003), at(1_000)));
        let counts: Vec<_> = activity
            .slots
            .iter()
            .map(|s| (s.created, s.finalized))
            .collect();
        // The clock that was put back goes on where it was.
        assert_eq!(counts, [(2, 0), (0, 1), (0, 0), (0, 0), (1, 2), (0, 0)]);
        let times = |slot: &ActivitySlot| (slot.p50, slot.p95);
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(times(&activity.slots[1]), (seconds(2), seconds(2)));
        assert_eq!(times(&activity.slots[4]), (seconds(17), seconds(21)));
        assert_eq!(times(&activity.slots[5]), (None, None));
        recorder.reset(at(1_027));
        for since in [1_027, 500] {
            let activity = recorder.activity(at(since));
            assert_eq!(activity.since, at(since));
            assert_eq!(activity.slots, [ActivitySlot::default()]);
        }
    }

    #[test]
    fn ten_minutes_are_kept() {
        let recorder = Recorder::new(at(0));
        for second in 0..3_000 {
            recorder.created(1, at(second));
        }
        let activity = recorder.activity(at(2_999));
        assert_eq!((activity.since, activity.from), (at(2_395), at(2_395)));
        assert_eq!(activity.slots.len(), SLOTS);
        assert!(activity.slots.iter().all(|slot| slot.created == 5));
        // Nothing for so long that nothing of that is left.
        for later in [3_595, 3_600, 3_605, 1_000_000_000] {
            let activity = recorder.activity(at(later));
            assert_eq!(activity.slots.len(), SLOTS);
            assert_eq!(activity.from, at(later / 5 * 5 - 600));
            let left = activity
                .slots
                .iter()
                .filter(|slot| slot.created > 0)
                .count();
            assert_eq!(left, usize::from(later == 3_595), "{later}");
        }
    }

    #[test]
    fn a_sample_is_even_and_small() {
        let recorder = Recorder::new(at(0));
        for n in 1..=10_000 {
            recorder.happened(&[finalized(at(100_000 - n))], at(100_000));
        }
        let last = *recorder.activity(at(100_000)).slots.last().unwrap();
        assert_eq!(last.finalized, 10_000);
        let near =
            |found: Option<Duration>, wanted: u64| found.unwrap().as_secs().abs_diff(wanted) < 150;
        assert!(near(last.p50, 5_000) && near(last.p95, 9_500), "{last:?}");
        assert!(recorder.record().slots.back().unwrap().times.kept.len() <= KEPT);
    }
}
