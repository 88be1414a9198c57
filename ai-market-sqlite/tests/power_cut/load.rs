use std::error::Error;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::access::{KeySpec, Keys, Role};
use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Heartbeat, ReleaseRequest, TaskSpec, WorkerApi,
};
use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::AlwaysActive;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{IdempotencyKey, Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{LeaderboardQuery, TaskStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::time::SystemClock;
use ai_market_sqlite::SqliteKeys;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tokio_util::sync::CancellationToken;

use crate::ledger::{KeyEntry, Ledger, Replica};
use crate::random::Random;

pub(crate) const WORKERS: usize = 5;

/// More votes than this are never asked for, so that the workers are enough.
const MAX_VOTES: u64 = 3;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn worker(n: usize) -> WorkerId {
    WorkerId::new(format!("worker-{n}")).unwrap()
}

pub(crate) fn coordinator(store: impl TaskStore) -> Coordinator {
    let builder = Coordinator::builder(store)
        .standing(AlwaysActive)
        .lease(Duration::from_secs(600))
        .heartbeat(Duration::from_secs(60));
    builder.build().unwrap()
}

pub(crate) fn vote(task: TaskId, worker: &WorkerId, label: Label) -> Vote {
    Vote::new(task, worker.clone(), label, Confidence::ONE)
}

/// Several callers of one coordinator, each of which notes what was acknowledged to it.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) path: PathBuf,
    pub(crate) ledger: Arc<Ledger>,
    /// What the names of this load begin with.
    pub(crate) name: String,
    /// How much each caller does unless the power is cut.
    pub(crate) rounds: u64,
}

impl Load {
    /// Runs until everybody has done everything or was refused something. Returns the refusals.
    pub(crate) async fn run(&self, store: impl TaskStore, random: &Random) -> Vec<Failure> {
        let coordinator = coordinator(store);
        let stop = CancellationToken::new();
        let maintenance = {
            let (coordinator, stop) = (coordinator.clone(), stop.clone());
            tokio::spawn(async move { coordinator.run(stop).await })
        };
        let mut callers = Vec::new();
        for n in 0..WORKERS {
            let caller = Caller {
                load: self.clone(),
                coordinator: coordinator.clone(),
                worker: worker(n),
                random: random.part(n as u64),
            };
            callers.push(tokio::spawn(caller.work(n == 0)));
        }
        if random.part(100).chance(25) {
            let load = self.clone();
            callers.push(tokio::spawn(async move { load.issue_keys().await }));
        }
        let mut failures = Vec::new();
        for caller in callers {
            failures.extend(caller.await.unwrap().err());
        }
        stop.cancel();
        maintenance.await.unwrap();
        failures
    }

    /// Issues keys and revokes every second one, through a connection beside the store's.
    async fn issue_keys(&self) -> Result<(), Failure> {
        let keys = Keys::new(SqliteKeys::open(&self.path)?, SystemClock);
        for n in 0..self.rounds {
            let issued = keys.create(KeySpec::new(Role::Client)).await?;
            let text = issued.key.reveal();
            let note = |entry| self.ledger.entries().keys.insert(text.clone(), entry);
            note(KeyEntry::Issued);
            if n % 2 == 1 {
                note(KeyEntry::Revoking);
                keys.revoke(issued.record.id).await?;
                note(KeyEntry::Revoked);
            }
        }
        Ok(())
    }
}

struct Caller {
    load: Load,
    coordinator: Coordinator,
    worker: WorkerId,
    random: Random,
}

impl Caller {
    async fn work(mut self, checkpoints: bool) -> Result<(), Failure> {
        let profile = WorkerProfile::new(self.worker.clone(), [TaskType::sentiment()]);
        self.coordinator.register(profile).await?;
        self.ledger().entries().workers.insert(self.worker.clone());
        self.take_up().await?;
        for round in 0..self.load.rounds {
            self.ask(round).await?;
            let tasks = self.claim().await?;
            let (back, rest) = tasks.split_at(usize::from(tasks.len() > 2));
            if self.random.chance(50) {
                self.submit(rest.iter().map(|task| (*task, None)).collect())
                    .await?;
            } else {
                for task in rest {
                    self.submit(vec![(*task, None)]).await?;
                }
            }
            self.release(back).await?;
            if self.random.chance(20) {
                self.read().await?;
            }
            if checkpoints && self.random.chance(30) {
                self.checkpoint().await?;
            }
        }
        Ok(())
    }

    fn ledger(&self) -> &Ledger {
        &self.load.ledger
    }

    fn label(&mut self) -> Label {
        let label = if self.random.chance(75) {
            "positive"
        } else {
            "negative"
        };
        Label::new(label).unwrap()
    }

    /// Answers what it was given before the power was cut, and gives the rest back.
    async fn take_up(&mut self) -> Result<(), Failure> {
        let unanswered = self.ledger().entries().unanswered(&self.worker);
        self.submit(unanswered).await?;
        // A claim whose answer was lost may have given it something.
        let all = ReleaseRequest::all(self.worker.clone());
        self.coordinator.release(all).await?;
        let mut entries = self.ledger().entries();
        entries.claiming.remove(&self.worker);
        for ((_, worker), replica) in &mut entries.replicas {
            if *worker == self.worker && matches!(replica, Replica::Held | Replica::Releasing) {
                *replica = Replica::Released;
            }
        }
        Ok(())
    }

    async fn ask(&mut self, round: u64) -> Result<(), Failure> {
        let mut specs = Vec::new();
        for n in 0..self.random.below(4) {
            let key = format!("{}-{}-{round}-{n}", self.load.name, self.worker);
            // Some are longer than a page.
            let length = [40, 400, 6_000][self.random.index(3)];
            let votes = 1 + self.random.below(MAX_VOTES) as u32;
            let spec = TaskSpec::new("x".repeat(length))
                .with_required_submissions(NonZeroU32::new(votes).unwrap())
                .with_idempotency_key(IdempotencyKey::new(key.clone()).unwrap());
            self.ledger().entries().asked.insert(key, spec.clone());
            specs.push(spec);
        }
        for (spec, created) in specs
            .iter()
            .zip(self.coordinator.enqueue(specs.clone()).await)
        {
            let id = created?;
            let mut entries = self.ledger().entries();
            let key = spec.idempotency_key.as_ref().unwrap();
            entries.asked.remove(key.as_str());
            entries.tasks.insert(id, spec.clone());
        }
        Ok(())
    }

    async fn claim(&mut self) -> Result<Vec<TaskId>, Failure> {
        let limit = 1 + self.random.index(4);
        self.ledger().entries().claiming.insert(self.worker.clone());
        let request = ClaimRequest::new(self.worker.clone()).with_limit(limit);
        let tasks = self.coordinator.claim(request).await?;
        let mut entries = self.ledger().entries();
        entries.claiming.remove(&self.worker);
        let tasks: Vec<_> = tasks.iter().map(|assignment| assignment.task).collect();
        for task in &tasks {
            entries.note(*task, &self.worker, Replica::Held);
        }
        Ok(tasks)
    }

    /// Votes for the tasks, each with the label that it has sent before, if any.
    async fn submit(&mut self, tasks: Vec<(TaskId, Option<Label>)>) -> Result<(), Failure> {
        let mut votes = Vec::new();
        for (task, label) in tasks {
            let label = label.unwrap_or_else(|| self.label());
            let replica = Replica::Submitting(label.clone());
            self.ledger().entries().note(task, &self.worker, replica);
            votes.push(vote(task, &self.worker, label));
        }
        let receipts = self.coordinator.submit(votes.clone()).await;
        // All, since some may be acknowledged where others are not.
        let mut failure = None;
        for (vote, receipt) in votes.into_iter().zip(receipts) {
            let mut entries = self.ledger().entries();
            match receipt {
                Ok(receipt) => {
                    entries.note(vote.task, &self.worker, Replica::Voted(vote.label));
                    if receipt.finalized() {
                        entries.decided.entry(vote.task).or_default();
                    }
                }
                Err(error) if error.code() == ErrorCode::Closed => {
                    entries.note(vote.task, &self.worker, Replica::Released);
                    entries.decided.entry(vote.task).or_default();
                }
                Err(error) => failure = Some(error),
            }
        }
        Ok(failure.map_or(Ok(()), Err::<(), ApiError>)?)
    }

    async fn release(&mut self, tasks: &[TaskId]) -> Result<(), Failure> {
        for task in tasks {
            self.ledger()
                .entries()
                .note(*task, &self.worker, Replica::Releasing);
        }
        let request = ReleaseRequest::new(self.worker.clone(), tasks.to_vec());
        self.coordinator.release(request).await?;
        for task in tasks {
            self.ledger()
                .entries()
                .note(*task, &self.worker, Replica::Released);
        }
        Ok(())
    }

    /// Reads what is then known outside, and must not change any more.
    async fn read(&mut self) -> Result<(), Failure> {
        let heartbeat = Heartbeat::new(self.worker.clone());
        self.coordinator.heartbeat(heartbeat).await?;
        let leaders = self.coordinator.leaderboard(LeaderboardQuery::new(100));
        for place in leaders.await? {
            let mut entries = self.ledger().entries();
            let points = entries.points.entry(place.worker).or_default();
            *points = place.points.max(*points);
        }
        let unread = self.ledger().entries().unread();
        if let Some(task) = unread {
            let details = self.coordinator.task(task, Duration::ZERO).await?;
            let label = details.task.final_label().cloned();
            self.ledger().entries().decided.insert(task, label);
        }
        Ok(())
    }

    /// Writes the log into the database, as other programs may do and the store does seldom.
    async fn checkpoint(&mut self) -> Result<(), Failure> {
        let mode = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][self.random.index(4)];
        let path = self.load.path.clone();
        let checkpoint = move || checkpoint(&path, mode);
        tokio::task::spawn_blocking(checkpoint).await?
    }
}

fn checkpoint(path: &Path, mode: &str) -> Result<(), Failure> {
    let mut db = SqliteConnection::establish(path.to_str().unwrap())?;
    db.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA wal_checkpoint({mode});"
    ))?;
    Ok(())
}
