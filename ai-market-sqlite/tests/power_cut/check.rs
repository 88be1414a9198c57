use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ai_market_core::access::Keys;
use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, ReleaseRequest, TaskSpec, WorkerApi,
};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::{LeaderboardQuery, StoreError, TaskQuery, TaskStore, WorkerProfile};
use ai_market_core::task::{TaskDetails, TaskState};
use ai_market_core::time::SystemClock;
use ai_market_sqlite::{OpenError, SqliteKeys, SqliteStore};

use crate::books;
use crate::ledger::{Entries, KeyEntry, Replica};
use crate::load::{WORKERS, coordinator, vote, worker};

/// What is wrong with a market after its power came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it cannot be opened: {0:?}")]
    Open(#[from] OpenError),
    #[error("it cannot be read: {0:?}")]
    Store(#[from] StoreError),
    #[error("a request fails: {0:?}")]
    Request(#[from] ApiError),
    #[error("its books cannot be read: {0:?}")]
    Books(#[from] diesel::result::Error),
    #[error("its books are wrong: {0:?}")]
    Wrong(Vec<(String, i64)>),
    #[error("it has lost what it acknowledged: {0}")]
    Lost(String),
    #[error("it does not go on: {0}")]
    Stuck(String),
}

/// Opens the market at `path` as a user would and checks that everything is there, that nothing was
/// paid twice, and that it goes on.
pub(crate) async fn check(path: &Path, entries: &Entries) -> Result<(), Fault> {
    let store = SqliteStore::open(path)?;
    let market = Check {
        coordinator: coordinator(store.clone()),
        store,
    };
    market.acknowledged(entries).await?;
    balance(path)?;
    market.keys(path, entries).await?;
    market.points(entries).await?;
    market.repeated(entries).await?;
    market.finished().await?;
    // Also after everything was repeated and decided.
    market.points(entries).await?;
    drop(market);
    balance(path)
}

fn balance(path: &Path) -> Result<(), Fault> {
    let wrong = books::differences(path)?;
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Fault::Wrong(wrong))
    }
}

/// Fails with what was lost unless it was kept.
fn require(kept: bool, what: impl FnOnce() -> String) -> Result<(), Fault> {
    if kept {
        Ok(())
    } else {
        Err(Fault::Lost(what()))
    }
}

struct Check {
    coordinator: Coordinator,
    store: SqliteStore,
}

impl Check {
    /// Everything that was acknowledged is there, as it was.
    async fn acknowledged(&self, entries: &Entries) -> Result<(), Fault> {
        for worker in &entries.workers {
            let found = self.store.worker(worker.clone()).await?;
            require(found.is_some(), || format!("{worker}"))?;
        }
        let mut tasks = HashMap::new();
        for (id, spec) in &entries.tasks {
            let details = self.store.task(*id).await?;
            let same = details.as_ref().is_some_and(|found| {
                let votes = spec.required_submissions.map(|n| n.get());
                found.task.text == spec.text && Some(found.task.required_submissions) == votes
            });
            require(same, || format!("task {id}"))?;
            tasks.extend(details.map(|found| (*id, found)));
        }
        for ((id, worker), replica) in &entries.replicas {
            // A worker may be given a task whose creation was not acknowledged yet.
            let details = match tasks.get(id) {
                Some(details) => Some(details.clone()),
                None => self.store.task(*id).await?,
            };
            let kept = details.is_some_and(|details| is_kept(&details, worker, replica, entries));
            require(kept, || format!("task {id}, {worker}: {replica:?}"))?;
        }
        for (id, label) in &entries.decided {
            let details = self.store.task(*id).await?;
            let found = details.as_ref().and_then(|found| found.task.final_label());
            let same = found.is_some() && (label.is_none() || label.as_ref() == found);
            require(same, || format!("task {id} was decided: {label:?}"))?;
        }
        Ok(())
    }

    async fn keys(&self, path: &Path, entries: &Entries) -> Result<(), Fault> {
        if entries.keys.is_empty() {
            return Ok(());
        }
        let keys = Keys::new(SqliteKeys::open(path)?, SystemClock);
        for (text, entry) in &entries.keys {
            let live = keys.authenticate(text).await.is_ok();
            let same = match entry {
                KeyEntry::Issued => live,
                KeyEntry::Revoking => true,
                KeyEntry::Revoked => !live,
            };
            require(same, || format!("a key that was {entry:?}"))?;
        }
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<TaskDetails>, Fault> {
        let mut tasks = Vec::new();
        for task in self.store.tasks(TaskQuery::new(100_000)).await?.tasks {
            tasks.extend(self.store.task(task.id).await?);
        }
        Ok(tasks)
    }

    /// Every worker has a point for each vote that is the final label, neither more nor fewer, and
    /// not fewer than the leaderboard said.
    async fn points(&self, entries: &Entries) -> Result<(), Fault> {
        let mut earned: BTreeMap<WorkerId, i64> = BTreeMap::new();
        for details in self.tasks().await? {
            let label = details.task.final_label();
            for vote in &details.submissions {
                let agrees = !vote.late && label == Some(&vote.label);
                *earned.entry(vote.worker.clone()).or_default() += i64::from(agrees);
            }
        }
        let query = LeaderboardQuery::new(1_000);
        for place in self.coordinator.leaderboard(query).await? {
            let (worker, points) = (place.worker, place.points);
            let earned = earned.remove(&worker).unwrap_or_default();
            if points != earned {
                let wrong = format!("{worker} has earned {earned} and was paid");
                return Err(Fault::Wrong(vec![(wrong, points)]));
            }
            let said = entries.points.get(&worker).copied().unwrap_or_default();
            require(points >= said, || {
                format!("{worker} had {said} points and has {points}")
            })?;
        }
        if earned.values().any(|points| *points > 0) {
            return Err(Fault::Lost(format!("the points of {earned:?}")));
        }
        Ok(())
    }

    /// What callers repeat, because they have no answer or for no reason, is done once. A new task is
    /// taken, too.
    async fn repeated(&self, entries: &Entries) -> Result<(), Fault> {
        for n in 0..WORKERS {
            let profile = WorkerProfile::new(worker(n), [TaskType::sentiment()]);
            self.coordinator.register(profile).await?;
        }
        let asked = entries.asked.values().cloned();
        let new = TaskSpec::new("the power is back");
        for created in self.coordinator.enqueue(asked.chain([new]).collect()).await {
            created?;
        }
        let tasks: Vec<_> = entries.tasks.iter().collect();
        let again = tasks.iter().map(|(_, spec)| (*spec).clone()).collect();
        for ((id, _), created) in tasks.iter().zip(self.coordinator.enqueue(again).await) {
            let created = created?;
            require(created == **id, || format!("the idempotency key of {id}"))?;
        }
        for ((id, worker), replica) in &entries.replicas {
            let sent: Option<&Label> = match replica {
                Replica::Submitting(label) | Replica::Voted(label) => Some(label),
                Replica::Held | Replica::Releasing | Replica::Released => None,
            };
            let Some(label) = sent else { continue };
            let votes = vec![vote(*id, worker, label.clone())];
            for receipt in self.coordinator.submit(votes).await {
                match receipt {
                    Err(error) if error.code() != ErrorCode::Closed => return Err(error.into()),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Workers that give back what they hold and start again decide every task.
    async fn finished(&self) -> Result<(), Fault> {
        for n in 0..WORKERS {
            let all = ReleaseRequest::all(worker(n));
            self.coordinator.release(all).await?;
        }
        for n in 0..WORKERS {
            loop {
                let request = ClaimRequest::new(worker(n)).with_limit(64);
                let tasks = self.coordinator.claim(request).await?;
                if tasks.is_empty() {
                    break;
                }
                let label = Label::new("positive").unwrap();
                let votes = tasks.iter().map(|task| task.task);
                let votes = votes.map(|task| vote(task, &worker(n), label.clone()));
                for receipt in self.coordinator.submit(votes.collect()).await {
                    receipt?;
                }
            }
        }
        for details in self.tasks().await? {
            if !matches!(details.task.state, TaskState::Finalized { .. }) {
                return Err(Fault::Stuck(format!("{details:?}")));
            }
        }
        Ok(())
    }
}

/// Whether a worker's share of a task is what it was told, or what it was asking for.
fn is_kept(details: &TaskDetails, worker: &WorkerId, replica: &Replica, all: &Entries) -> bool {
    let holds = details.leases.iter().any(|lease| lease.worker == *worker);
    let mut votes = details.submissions.iter();
    let voted = votes.find(|vote| vote.worker == *worker);
    let voted = voted.map(|vote| &vote.label);
    let closed = !matches!(details.task.state, TaskState::Open);
    match replica {
        Replica::Held => holds || closed,
        Replica::Submitting(label) => holds || closed || voted == Some(label),
        Replica::Voted(label) => voted == Some(label),
        Replica::Releasing => true,
        // It may have been given it again.
        Replica::Released => !holds || all.claiming.contains(worker),
    }
}
