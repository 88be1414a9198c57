//! The store of `examples/custom_store.rs`: the conformance suites, and what is its own.
#![allow(clippy::unwrap_used)]

#[path = "../custom_store/mod.rs"]
mod custom_store;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ai_market_core::conformance::Reopen;
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, WorkerId};
use ai_market_core::market::{Insert, Market};
use ai_market_core::store::{EventQuery, TaskQuery, TaskStore, WorkerModel, WorkerProfile};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::task::NewTask;
use ai_market_core::time::{ManualClock, Timestamp};
use async_trait::async_trait;
use custom_store::FileStore;
use tempfile::TempDir;

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000))
}

mod conformance {
    use super::*;

    #[derive(Debug)]
    struct AtPath(PathBuf, ManualClock);

    #[async_trait]
    impl Reopen for AtPath {
        async fn open(&self) -> Arc<dyn TaskStore> {
            Arc::new(FileStore::open(&self.0, self.1.clone()).unwrap())
        }
    }

    async fn reopen(clock: ManualClock) -> (TempDir, AtPath) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.jsonl");
        (folder, AtPath(path, clock))
    }

    async fn open(clock: ManualClock) -> (TempDir, Arc<dyn TaskStore>) {
        let (folder, place) = reopen(clock).await;
        (folder, place.open().await)
    }

    ai_market_core::task_store_tests!(open);
    ai_market_core::market_tests!(open);
    ai_market_core::persistent_market_tests!(reopen);
    ai_market_core::persistent_model_tests!(reopen);
}

/// Puts a task in, and closes the store.
async fn put(store: FileStore) -> TaskId {
    let id = TaskId::generate(store.now());
    let market = Market::new(store, Policies::default());
    let insert = Insert::new(vec![NewTask::new(id, "a text")]);
    market.insert(insert).await.unwrap();
    id
}

async fn tasks(store: &FileStore) -> Vec<TaskId> {
    let page = store.tasks(TaskQuery::new(100)).await.unwrap();
    page.tasks.iter().map(|task| task.id).collect()
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_other_damage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let open = || FileStore::open(&path, clock());
    let first = put(open().unwrap()).await;
    // Opening compacts the file, too.
    drop(open().unwrap());
    let intact = fs::read(&path).unwrap();
    put(open().unwrap()).await;
    let longer = fs::read(&path).unwrap();
    let middle = intact.len().midpoint(longer.len());
    for end in [intact.len() + 1, middle, longer.len() - 1] {
        fs::write(&path, &longer[..end]).unwrap();
        assert_eq!(tasks(&open().unwrap()).await, [first], "cut at {end}");
        assert_eq!(fs::read(&path).unwrap(), intact);
    }
    let second = put(open().unwrap()).await;
    assert_eq!(tasks(&open().unwrap()).await, [first, second]);
    let mut damaged = longer;
    damaged[intact.len() / 2] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(open().is_err());
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

#[tokio::test]
async fn compaction_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let first = put(FileStore::open(&path, clock()).unwrap()).await;
    let store = Arc::new(FileStore::open(&path, clock()).unwrap());
    let market = Market::new(Arc::clone(&store), Policies::default());
    let worker = WorkerId::new("alice").unwrap();
    for n in 0..40 {
        let label = Label::new("x".repeat(60_000 + n)).unwrap();
        let model = WorkerModel::new(ModelIdentity::new("model").unwrap());
        let profile = WorkerProfile::new(worker.clone(), []);
        let profile = profile.with_model(model.with_labels(vec![label]));
        market.register(profile).await.unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() < 1_200_000);
    let before = store.worker(worker.clone()).await.unwrap();
    let events = store.events(EventQuery::last(100)).await.unwrap();
    drop((market, store));
    let store = FileStore::open(&path, clock()).unwrap();
    assert_eq!(store.worker(worker).await.unwrap(), before);
    assert_eq!(store.events(EventQuery::last(100)).await.unwrap(), events);
    assert_eq!(tasks(&store).await, [first]);
}
