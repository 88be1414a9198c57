use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;

use ai_market_core::consensus::TrackRecord;
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::{Absence, ClaimKey, LeaseRow, StoreError, Tally, WorkerSummary};
use ai_market_core::submission::{ModelIdentity, Submission};
use ai_market_core::task::Task;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All rows and indexes of a market: an ordered map from text keys to JSON values.
///
/// A key is the name of a table and its columns, separated by tabs. No column contains a control
/// character, and ids and times sort as text. Rows with the same first columns are therefore
/// adjacent, and ordered by the next column. Both maps of a store share keys and values.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows(BTreeMap<Arc<str>, Arc<Value>>);

/// A key with its value; `None` deletes the row.
pub(super) type Change = (Arc<str>, Option<Arc<Value>>);

/// A task with its place among the claimable ones.
pub(super) type TaskRow = (Task, Option<ClaimKey>);

/// The track record of a worker for a task type.
pub(super) type RecordRow = (TaskType, TrackRecord);

/// The tally of a worker's answers to tasks of a type with a model.
pub(super) type TallyRow = ((WorkerId, TaskType, Option<ModelIdentity>), Tally);

/// A worker. The fields `leases` and `gone` of the summary are set when it is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KnownWorker {
    pub(super) summary: WorkerSummary,
    pub(super) absence: Absence,
}

/// All keys that begin with these columns.
pub(super) fn under(columns: &str) -> Range<String> {
    // A line feed is the character after a tab.
    format!("{columns}\t")..format!("{columns}\n")
}

impl Rows {
    /// Makes a change, and returns the change that takes it back.
    pub(super) fn apply(&mut self, (key, value): Change) -> Change {
        let before = match value {
            Some(value) => self.0.insert(Arc::clone(&key), value),
            None => self.0.remove(&key),
        };
        (key, before)
    }

    /// The row of a key, as a change that writes it.
    pub(super) fn current(&self, key: Arc<str>) -> Change {
        let value = self.0.get(&key).cloned();
        (key, value)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        self.0.get(key).map(read).transpose()
    }

    /// The rows of a range of keys, in order.
    pub(super) fn range<T: DeserializeOwned>(
        &self,
        keys: Range<String>,
    ) -> impl DoubleEndedIterator<Item = Result<T, StoreError>> {
        let start = keys.start.as_str();
        let end = keys.end.as_str().max(start);
        let rows = self
            .0
            .range::<str, _>((Bound::Included(start), Bound::Excluded(end)));
        rows.map(|(_, value)| read(value))
    }

    /// The votes on a task in the order in which they came, late ones last.
    pub(super) fn votes(&self, task: TaskId) -> Result<Vec<Submission>, StoreError> {
        let votes: Option<Vec<Submission>> = self.get(&format!("votes\t{task}"))?;
        let mut votes = votes.unwrap_or_default();
        votes.sort_by_key(|vote| vote.late);
        Ok(votes)
    }

    /// The leases on a task in the order in which they were claimed.
    pub(super) fn leases(&self, task: TaskId) -> Result<Vec<LeaseRow>, StoreError> {
        Ok(self.get(&format!("leases\t{task}"))?.unwrap_or_default())
    }

    /// How many leases a worker holds, grace leases not counted.
    pub(super) fn count_held(&self, worker: &WorkerId) -> usize {
        let held = self.range::<TaskId>(under(&format!("held\t{worker}")));
        held.count()
    }
}

fn read<T: DeserializeOwned>(value: &Arc<Value>) -> Result<T, StoreError> {
    T::deserialize(&**value).map_err(StoreError::failed)
}
