//! The store of the example `custom_store` keeps every rule of a store that outlives its process.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../custom_store/mod.rs"]
mod custom_store;

use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::conformance::store::durability::Reopen;
use ai_market_core::consensus::{Ballot, Consensus, ConsensusPolicy, Policies, Updates, Verdict};
use ai_market_core::id::{Label, PolicyName, TaskId, TaskType, WorkerId};
use ai_market_core::store::{Claim, Claimed, Insert, MarketStore, TaskStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::task::NewTask;
use ai_market_core::time::Timestamp;
use async_trait::async_trait;
use custom_store::JournalStore;
use tempfile::TempDir;

mod conformance {
    use super::*;

    async fn open() -> (TempDir, JournalStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = reopened(&folder.path().join("market.jsonl")).await.unwrap();
        (folder, store)
    }

    #[derive(Debug)]
    struct Again(PathBuf);

    #[async_trait]
    impl Reopen for Again {
        async fn open(&self) -> Arc<dyn MarketStore> {
            Arc::new(reopened(&self.0).await.unwrap())
        }
    }

    async fn reopen() -> (TempDir, Again) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.jsonl");
        (folder, Again(path))
    }

    ai_market_core::task_store_tests!(open);
    ai_market_core::market_store_tests!(open);
    ai_market_core::persistent_task_store_tests!(reopen);
    ai_market_core::persistent_market_store_tests!(reopen);
}

async fn reopened(path: &Path) -> Result<JournalStore, String> {
    let opened = JournalStore::open(path, &Policies::default()).await;
    opened.map_err(|error| error.to_string())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// A task that asks for two votes.
async fn put(store: &JournalStore) -> TaskId {
    let id = TaskId::generate(at(0));
    let task = NewTask::new(id, "a text").with_required_submissions(2.try_into().unwrap());
    store.insert(Insert::new(vec![task], at(0))).await.unwrap();
    id
}

/// Alice says yes and bob, who is surer of it, no.
async fn answer(store: &JournalStore, policies: &Policies) {
    for (name, label, confidence) in [("alice", "yes", 0.1), ("bob", "no", 2.0 / 3.0)] {
        let worker = WorkerId::new(name).unwrap();
        let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
        store.register(profile, at(1)).await.unwrap();
        let claim = Claim::new(worker.clone(), Duration::from_secs(60), at(1));
        let claimed = store.claim(claim).await.unwrap();
        let Claimed::Assigned(tasks) = claimed else {
            panic!("{claimed:?}");
        };
        let (label, confidence) = (
            Label::new(label).unwrap(),
            Confidence::new(confidence).unwrap(),
        );
        let vote = Vote::new(tasks[0].task, worker, label, confidence);
        store.submit(vec![vote], policies, at(2)).await.unwrap();
    }
}

/// The first vote wins.
#[derive(Debug)]
struct First;

impl ConsensusPolicy for First {
    fn name(&self) -> PolicyName {
        PolicyName::new("first/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        self.conclude(ballot)
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        Verdict::Finalize {
            consensus: Consensus::new(ballot.votes[0].label.clone(), Confidence::ONE),
            rewards: Vec::new(),
            updates: Updates::default(),
        }
    }

    fn learn(&self, _ballot: &Ballot<'_>, _label: &Label) -> Updates {
        Updates::default()
    }
}

#[tokio::test]
async fn a_cut_last_line_is_dropped_and_the_next_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let store = reopened(&path).await.unwrap();
    let first = put(&store).await;
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    // A process may die at any byte of a line.
    for cut in 1..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let store = reopened(&path).await.unwrap();
        assert_eq!(store.task(first).await.unwrap(), None, "{cut}");
        let second = put(&store).await;
        drop(store);
        let store = reopened(&path).await.unwrap();
        assert!(store.task(second).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_damaged_line_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let store = reopened(&path).await.unwrap();
    put(&store).await;
    drop(store);
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"{\"step\":\"dance\"}\n").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = reopened(&path).await.unwrap_err();
    assert!(error.contains("line 2 of the journal"), "{error}");
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "it is left as it was"
    );
}

#[tokio::test]
async fn what_is_decided_otherwise_than_before_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let store = reopened(&path).await.unwrap();
    let id = put(&store).await;
    answer(&store, &Policies::default()).await;
    let details = store.task(id).await.unwrap().unwrap();
    assert_eq!(details.task.final_label().map(Label::as_str), Some("no"));
    put(&store).await;
    drop(store);
    let other = JournalStore::open(&path, &Policies::new(First)).await;
    let error = other.unwrap_err().to_string();
    assert!(error.contains("with the policies"), "{error}");
    let store = reopened(&path).await.unwrap();
    assert_eq!(
        store.task(id).await.unwrap(),
        Some(details),
        "to the last bit"
    );
}

#[tokio::test]
async fn a_journal_is_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    let store = reopened(&path).await.unwrap();
    let error = reopened(&path).await.unwrap_err();
    assert!(error.contains("in use"), "{error}");
    drop(store);
    reopened(&path).await.unwrap();
}
