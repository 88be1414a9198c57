use std::collections::BTreeSet;
use std::ops::Range;

use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    Absence, Candidate, ClaimKey, Claimant, Involvement, LeaseRow, StoreError, TransactionError,
};
use ai_market_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rows::{Change, KnownWorker, RecordRow, Rows, TallyRow, TaskRow, under};

/// The rows as a group of steps changes them, and how to take the changes back.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) rows: Rows,
    /// The time of the step.
    pub(super) now: Timestamp,
    undo: Vec<Change>,
    /// How many changes of `undo` belong to earlier steps of the group.
    earlier: usize,
}

pub(super) type Result<T> = std::result::Result<T, TransactionError>;

impl Draft {
    pub(super) const fn new(rows: Rows, now: Timestamp) -> Self {
        Self {
            rows,
            now,
            undo: Vec::new(),
            earlier: 0,
        }
    }

    /// Starts a step.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.earlier = self.undo.len();
    }

    /// Takes back the changes of the step.
    pub(super) fn roll_back(&mut self) {
        for change in self.undo.drain(self.earlier..).rev() {
            self.rows.apply(change);
        }
    }

    /// Ends the group, and returns the rows that it changed.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let keys: BTreeSet<_> = self.undo.drain(..).map(|(key, _)| key).collect();
        keys.into_iter().map(|key| self.rows.current(key)).collect()
    }

    /// Reads a row; a row that is not there is the default.
    pub(super) fn row<T: DeserializeOwned + Default>(&self, key: &str) -> Result<T> {
        Ok(self.rows.get(key)?.unwrap_or_default())
    }

    pub(super) fn list<T: DeserializeOwned>(
        &self,
        keys: Range<String>,
        limit: usize,
    ) -> Result<Vec<T>> {
        let rows = self.rows.range(keys).take(limit);
        Ok(rows.collect::<std::result::Result<_, StoreError>>()?)
    }

    pub(super) fn write(&mut self, key: &str, row: &impl Serialize) -> Result<()> {
        let row = serde_json::to_value(row).map_err(StoreError::failed)?;
        let change = (key.into(), Some(row.into()));
        self.undo.push(self.rows.apply(change));
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.undo.push(self.rows.apply((key.into(), None)));
    }

    /// Moves an entry of an index from one key to another; `None` stands for no entry.
    pub(super) fn index(
        &mut self,
        from: Option<String>,
        to: Option<String>,
        entry: &impl Serialize,
    ) -> Result<()> {
        if from == to {
            return Ok(());
        }
        if let Some(key) = from {
            self.remove(&key);
        }
        to.map_or(Ok(()), |key| self.write(&key, entry))
    }

    /// Inserts, replaces or (`None`) deletes a worker's lease on a task, and returns whether it had
    /// one.
    pub(super) fn set_lease(
        &mut self,
        task: TaskId,
        worker: &WorkerId,
        lease: Option<&LeaseRow>,
    ) -> Result<bool> {
        let mut leases = self.rows.leases(task)?;
        let place = leases.iter().position(|lease| lease.worker == *worker);
        let before = place.map(|place| leases.remove(place));
        if let Some(lease) = lease {
            leases.insert(place.unwrap_or(leases.len()), lease.clone());
        }
        self.write(&format!("leases\t{task}"), &leases)?;
        let until = |lease: &LeaseRow| Some(format!("until\t{}\t{task}\t{worker}", lease.until));
        let held = |lease: &LeaseRow| (!lease.grace).then(|| format!("held\t{worker}\t{task}"));
        let before = before.as_ref();
        self.index(
            before.and_then(until),
            lease.and_then(until),
            &(task, worker),
        )?;
        self.index(before.and_then(held), lease.and_then(held), &task)?;
        Ok(before.is_some())
    }

    pub(super) fn known(&self, worker: &WorkerId) -> Result<Option<KnownWorker>> {
        self.row(&format!("worker\t{worker}"))
    }

    pub(super) fn write_worker(
        &mut self,
        before: Option<&KnownWorker>,
        row: &KnownWorker,
    ) -> Result<()> {
        let worker = &row.summary.profile.worker;
        let entry = (row.summary.last_seen, worker);
        let seen = |row: &KnownWorker| {
            format!("{}\t{worker}", seen_key(row.absence, row.summary.last_seen))
        };
        self.index(before.map(seen), Some(seen(row)), &entry)?;
        self.write(&format!("worker\t{worker}"), row)
    }

    /// Changes a worker; an unknown worker is left out.
    pub(super) fn change_worker(
        &mut self,
        worker: &WorkerId,
        change: impl FnOnce(&mut KnownWorker),
    ) -> Result<()> {
        let Some(before) = self.known(worker)? else {
            return Ok(());
        };
        let mut row = before.clone();
        change(&mut row);
        self.write_worker(Some(&before), &row)
    }

    /// Whether a worker holds nothing, and has no tally, track record or standing.
    pub(super) fn is_unused(&self, worker: &WorkerId) -> Result<bool> {
        let row = self.known(worker)?;
        let trusted = row.is_some_and(|row| row.summary.standings.is_empty());
        let of = format!("tally\t[{}", json(worker)?);
        let mut tallies = self
            .rows
            .range::<TallyRow>(format!("{of},")..format!("{of}-"));
        let records = under(&format!("record\t{worker}"));
        let mut records = self.rows.range::<RecordRow>(records);
        let known = tallies.next().is_some() || records.next().is_some();
        Ok(trusted && !known && self.rows.count_held(worker) == 0)
    }

    pub(super) fn candidate(
        &self,
        claimant: &Claimant,
        key: ClaimKey,
    ) -> Result<Option<Candidate>> {
        let row: Option<TaskRow> = self.row(&format!("task\t{}", key.id()))?;
        let Some((task, _)) = row.filter(|(_, claim)| *claim == Some(key)) else {
            return Ok(None);
        };
        let (votes, leases) = (self.rows.votes(task.id)?, self.rows.leases(task.id)?);
        let losses = self.list(under(&format!("loss\t{}", task.id)), usize::MAX)?;
        Ok(Some(Candidate::Found {
            key,
            distinct_models: task.distinct_models,
            involvement: Involvement::of(claimant, &votes, &leases, &losses),
        }))
    }
}

pub(super) fn claim_key(task_type: &TaskType, key: ClaimKey) -> String {
    // Counted down, so that a higher priority comes first.
    let rank = i64::from(i32::MAX) - i64::from(key.priority());
    format!("claim\t{task_type}\t{rank:010}\t{}", key.id())
}

/// The key of a worker's track record, or of that of a task type as a whole.
pub(super) fn record_key(task_type: &TaskType, worker: Option<&WorkerId>) -> String {
    match worker {
        Some(worker) => format!("record\t{worker}\t{task_type}"),
        None => format!("prior\t{task_type}"),
    }
}

/// The index of workers by absence and by the time when they were last seen.
pub(super) fn seen_key(absence: Absence, last_seen: Timestamp) -> String {
    format!("seen\t{}\t{last_seen}", absence as u8)
}

/// The key of an event. Places follow each other without gaps.
pub(super) fn event_key(place: u128) -> String {
    format!("event\t{place:039}")
}

/// The key of a value of the space of bytes. Digits sort as the bytes do.
pub(super) fn bytes_key(key: &[u8]) -> String {
    let digits = key.iter().map(|byte| format!("{byte:02x}"));
    format!("bytes\t{}", digits.collect::<String>())
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value).map_err(StoreError::failed)?)
}
