use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, WorkerId};
use ai_market_core::store::{
    Claim, Claimed, EventPage, EventQuery, EventStore, Insert, InsertOutcome, LeaderboardQuery,
    MemoryStore, Place, Reap, Reaped, Registered, Release, Released, Renew, Renewed, Serving,
    ServingQuery, StandingChange, StandingChanged, StandingStore, StatsQuery, StoreError,
    StoreStats, Submitted, TallyQuery, TallyRow, TallyStore, TaskPage, TaskQuery, TaskStore,
    WorkerProfile, WorkerQuery, WorkerSummary,
};
use ai_market_core::submission::Vote;
use ai_market_core::task::TaskDetails;
use ai_market_core::time::Timestamp;
use ai_market_examples::Failure;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::journal::{Journal, Lines};

/// A store in memory that writes each step into a file before it takes it, and takes them all again
/// when the file is opened.
///
/// That gives the same state because every step brings its time along and policies are pure. They
/// are not in the file, so it must be opened with those that it was written under; where a task gets
/// another final label than before, opening fails.
///
/// It keeps what it acknowledged through a crash and a loss of power, as far as the disk does. What
/// it does not do:
/// - The file only grows, with every claim that finds nothing as well, and opening it takes as long
///   as all that was ever done. Nothing is compacted.
/// - Every step waits for the disk by itself; steps that wait at the same time are not written
///   together.
/// - A step that fails may still be in the file, to be taken when it is opened again. As with any
///   store, repeating it is safe.
/// - A cut last line was never acknowledged and is dropped. Other damage is told, not mended.
#[derive(Debug)]
pub(crate) struct JournalStore {
    market: Arc<Market>,
}

#[derive(Debug)]
struct Market {
    memory: MemoryStore,
    /// Whoever holds it takes the next step, so that steps stand in the order in which they are
    /// taken.
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    journal: Journal,
    decided: Decided,
}

/// What the last step decided: the tasks that it closed, each with its final label.
type Decided = Vec<(TaskId, Option<Label>)>;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// What the step before decided, to be compared when it is taken again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    decided: Decided,
    step: Step,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Insert(Insert),
    Register(WorkerProfile, Timestamp),
    Claim(Claim),
    Renew(Renew),
    Submit(Vec<Vote>, Timestamp),
    Release(Release),
    Reap(Reap),
    SetStanding(StandingChange),
    Clear(Timestamp),
}

/// What became of a step.
#[derive(Debug)]
enum Outcome {
    Inserted(Vec<InsertOutcome>),
    Registered(Registered),
    Claimed(Claimed),
    Renewed(Renewed),
    Submitted(Submitted),
    Released(Released),
    Reaped(Reaped),
    StandingChanged(StandingChanged),
    Cleared(()),
}

impl Outcome {
    fn closed(&self) -> Vec<TaskId> {
        match self {
            Self::Registered(Registered { effects, .. })
            | Self::Submitted(Submitted { effects, .. })
            | Self::Released(Released { effects, .. })
            | Self::Reaped(Reaped { effects, .. })
            | Self::StandingChanged(StandingChanged::Done(effects)) => effects.closed(),
            _ => Vec::new(),
        }
    }
}

/// Takes a step in memory: the first time as well as again.
async fn take(
    memory: &MemoryStore,
    step: Step,
    policies: &Policies,
) -> Result<Outcome, StoreError> {
    Ok(match step {
        Step::Insert(insert) => Outcome::Inserted(memory.insert(insert).await?),
        Step::Register(profile, now) => Outcome::Registered(memory.register(profile, now).await?),
        Step::Claim(claim) => Outcome::Claimed(memory.claim(claim).await?),
        Step::Renew(renew) => Outcome::Renewed(memory.renew(renew).await?),
        Step::Submit(votes, now) => Outcome::Submitted(memory.submit(votes, policies, now).await?),
        Step::Release(release) => Outcome::Released(memory.release(release).await?),
        Step::Reap(reap) => Outcome::Reaped(memory.reap(reap, policies).await?),
        Step::SetStanding(change) => Outcome::StandingChanged(memory.set_standing(change).await?),
        Step::Clear(now) => Outcome::Cleared(memory.clear(now).await?),
    })
}

/// What a step decided.
async fn decided(memory: &MemoryStore, outcome: &Outcome) -> Result<Decided, StoreError> {
    let mut decided = Decided::new();
    for id in outcome.closed() {
        let details = memory.task(id).await?;
        let label = details.and_then(|details| details.task.final_label().cloned());
        decided.push((id, label));
    }
    Ok(decided)
}

impl Market {
    /// Takes all steps of a file.
    async fn open(path: &Path, policies: &Policies) -> Result<Self, Failure> {
        let memory = MemoryStore::new();
        let mut last = Decided::new();
        let mut lines = Lines::open(path)?;
        while let Some(Line {
            decided: then,
            step,
        }) = lines.next()?
        {
            if then != last {
                return Err(lines.differs().into());
            }
            let outcome = take(&memory, step, policies).await?;
            last = decided(&memory, &outcome).await?;
        }
        let (journal, decided) = (lines.into_journal()?, last);
        let book = Mutex::new(Book { journal, decided });
        Ok(Self { memory, book })
    }

    /// Writes a step, takes it, and says what became of it.
    async fn step(&self, step: Step, policies: &Policies) -> Result<Outcome, StoreError> {
        let mut book = self.book.lock().await;
        let line = Line {
            decided: std::mem::take(&mut book.decided),
            step,
        };
        book.journal.begin(&line).map_err(StoreError::unavailable)?;
        let outcome = take(&self.memory, line.step, policies).await?;
        book.decided = decided(&self.memory, &outcome).await?;
        book.journal.done();
        Ok(outcome)
    }
}

impl JournalStore {
    /// Opens a journal, or makes one, and takes its steps; `policies` are those that it was written
    /// under.
    ///
    /// # Errors
    ///
    /// When the file cannot be used, is in use, is damaged, or was written under other policies.
    pub(crate) async fn open(
        path: impl Into<PathBuf>,
        policies: &Policies,
    ) -> Result<Self, Failure> {
        let (path, policies, runtime) = (path.into(), policies.clone(), Handle::current());
        let open = move || runtime.block_on(Market::open(&path, &policies));
        let market = Arc::new(spawn_blocking(open).await??);
        Ok(Self { market })
    }

    async fn step(&self, step: Step, policies: &Policies) -> Result<Outcome, StoreError> {
        let market = self.market.clone();
        let (policies, runtime) = (policies.clone(), Handle::current());
        // On a thread that may wait for the disk, and to the end even where nobody waits for it.
        let taken = spawn_blocking(move || runtime.block_on(market.step(step, &policies)));
        taken.await.map_err(StoreError::failed)?
    }

    /// A step that decides nothing, so that no policy is asked.
    async fn plain(&self, step: Step) -> Result<Outcome, StoreError> {
        self.step(step, &Policies::default()).await
    }
}

/// What became of a step, which is of the kind that the step was.
macro_rules! expect {
    ($kind:ident, $outcome:expr) => {
        match $outcome {
            Outcome::$kind(outcome) => Ok(outcome),
            other => Err(StoreError::failed(format!(
                "an outcome of another kind: {other:?}"
            ))),
        }
    };
}

#[async_trait]
impl TaskStore for JournalStore {
    async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError> {
        expect!(Inserted, self.plain(Step::Insert(insert)).await?)
    }

    async fn register(
        &self,
        profile: WorkerProfile,
        now: Timestamp,
    ) -> Result<Registered, StoreError> {
        expect!(Registered, self.plain(Step::Register(profile, now)).await?)
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        expect!(Claimed, self.plain(Step::Claim(claim)).await?)
    }

    async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError> {
        expect!(Renewed, self.plain(Step::Renew(renew)).await?)
    }

    async fn submit(
        &self,
        votes: Vec<Vote>,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Submitted, StoreError> {
        let step = Step::Submit(votes, now);
        expect!(Submitted, self.step(step, policies).await?)
    }

    async fn release(&self, release: Release) -> Result<Released, StoreError> {
        expect!(Released, self.plain(Step::Release(release)).await?)
    }

    async fn reap(&self, reap: Reap, policies: &Policies) -> Result<Reaped, StoreError> {
        expect!(Reaped, self.step(Step::Reap(reap), policies).await?)
    }

    async fn clear(&self, now: Timestamp) -> Result<(), StoreError> {
        expect!(Cleared, self.plain(Step::Clear(now)).await?)
    }

    // Reading asks the memory, which holds nothing that is not safe on the disk.

    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
        self.market.memory.task(id).await
    }

    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
        self.market.memory.tasks(query).await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
        self.market.memory.worker(id).await
    }

    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
        self.market.memory.workers(query).await
    }

    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError> {
        self.market.memory.leaderboard(query).await
    }

    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
        self.market.memory.stats(query).await
    }
}

#[async_trait]
impl TallyStore for JournalStore {
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
        self.market.memory.tallies(query).await
    }

    async fn serving(&self, query: ServingQuery) -> Result<Vec<Serving>, StoreError> {
        self.market.memory.serving(query).await
    }
}

#[async_trait]
impl StandingStore for JournalStore {
    async fn set_standing(&self, change: StandingChange) -> Result<StandingChanged, StoreError> {
        let step = Step::SetStanding(change);
        expect!(StandingChanged, self.plain(step).await?)
    }
}

#[async_trait]
impl EventStore for JournalStore {
    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.market.memory.events(query).await
    }
}
