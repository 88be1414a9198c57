use std::path::PathBuf;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::submission::Vote;
use ai_market_core::task::NewTask;
use ai_market_core::time::Timestamp;
use tempfile::TempDir;

use crate::SqliteStore;
use crate::sql::Connection;

/// A folder for a database.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("market.db")
    }

    pub(super) fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    /// A connection beside the store.
    pub(super) fn connect(&self) -> Connection {
        Connection::establish(self.path().to_str().unwrap()).unwrap()
    }
}

pub(super) const LEASE: Duration = Duration::from_secs(60);

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub(super) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

pub(super) fn sentiment() -> [TaskType; 1] {
    [TaskType::sentiment()]
}

pub(super) fn new_task(seconds: i64) -> NewTask {
    NewTask::new(TaskId::generate(at(seconds)), "a text")
}

pub(super) fn vote(task: TaskId, name: &str) -> Vote {
    let label = Label::new("positive").unwrap();
    Vote::new(task, worker(name), label, Confidence::ONE)
}
