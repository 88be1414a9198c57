use std::path::PathBuf;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{Claim, Claimed, Insert, Market};
use ai_market_core::store::{
    Addition, ClaimKey, Counter, StatsQuery, TaskStore, Transaction, WorkerProfile,
};
use ai_market_core::submission::Vote;
use ai_market_core::task::{NewTask, Task, TaskStatus};
use ai_market_core::time::{Clock, ManualClock, Timestamp};
use tempfile::TempDir;

use crate::error::Error;
use crate::sql::Connection;
use crate::{SqliteOptions, SqliteStore};

/// A folder for a database, and the clock of the stores that are opened there.
pub(super) struct Place {
    folder: TempDir,
    clock: ManualClock,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(at(0)),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("market.db")
    }

    /// Options with the clock of this place.
    pub(super) fn options(&self) -> SqliteOptions {
        SqliteOptions::new().with_clock(self.clock.clone())
    }

    pub(super) fn open(&self) -> SqliteStore {
        self.options().open(self.path()).unwrap()
    }

    /// Sets the clock.
    pub(super) fn at(&self, seconds: i64) {
        self.clock.set(at(seconds));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
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

pub(super) fn profile(name: &str) -> WorkerProfile {
    WorkerProfile::new(worker(name), sentiment())
}

pub(super) fn new_task(seconds: i64) -> NewTask {
    NewTask::new(TaskId::generate(at(seconds)), "a text")
}

pub(super) fn insert(tasks: impl IntoIterator<Item = NewTask>) -> Insert {
    Insert::new(tasks.into_iter().collect())
}

pub(super) fn vote(task: TaskId, name: &str) -> Vote {
    let label = Label::new("positive").unwrap();
    Vote::new(task, worker(name), label, Confidence::ONE)
}

/// A market on a store where the majority decides.
pub(super) fn market(store: &SqliteStore) -> Market {
    Market::new(store.clone(), Policies::default())
}

pub(super) async fn register(market: &Market, names: &[&str]) {
    for name in names {
        market.register(profile(name)).await.unwrap();
    }
}

/// Claims up to `limit` tasks for a registered worker.
pub(super) async fn claim(market: &Market, name: &str, limit: usize) -> Vec<TaskId> {
    let claim = Claim::new(worker(name), LEASE).with_limit(limit);
    match market.claim(claim).await.unwrap() {
        Claimed::Assigned(tasks) => tasks.into_iter().map(|task| task.task).collect(),
        other => panic!("{name} is registered: {other:?}"),
    }
}

/// How many tasks there are.
pub(super) async fn tasks(store: &SqliteStore) -> u64 {
    let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    stats.tasks_total()
}

/// Writes the rows of a new task.
pub(super) fn insert_rows(tx: &mut dyn Transaction, new: NewTask) -> Result<(), Error> {
    let task = Task::create(new, tx.now());
    let key = ClaimKey::new(task.priority, task.id);
    let counters = [
        Counter::Tasks(task.task_type.clone(), TaskStatus::Queued),
        Counter::Claimable(task.task_type.clone(), task.wanted),
    ];
    tx.insert_task(&task, Some(key), None)
        .map_err(Error::Step)?;
    for counter in &counters {
        let addition = Addition::Count(counter, 1);
        tx.add(addition).map_err(Error::Step)?;
    }
    Ok(())
}
