use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::consensus::Policies;
use crate::store::{StoreError, TaskStore, WorkerProfile};
use crate::submission::Vote;

use super::claim::ClaimStep;
use super::clear::Clear;
use super::observer::{NoObserver, Observer};
use super::operation::{Job, Operation, Reply};
use super::register::Register;
use super::submit::Submit;
use super::{
    Cancel, CancelOutcome, Claim, ClaimFrontier, Claimed, Insert, InsertOutcome, Prune, Pruned,
    Reap, Reaped, Registered, Release, Released, Renew, Renewed, StandingChange, StandingChanged,
    Submitted,
};

/// The rules of the market over a store.
///
/// Every method is one atomic step over a batch, durable when it returns where the store is
/// persistent. An outcome is not an error: each item of a batch has its own, and a bad one never
/// fails the batch. Cloning is cheap; all clones share what is remembered of workers' progress.
///
/// The rules, each of which is a group of tests named after it:
/// 1. a task is handed out while its votes and leases are fewer than it wants, it is open, the
///    worker can do its type and is not suspended for it, and neither the worker nor another one of
///    the same owner (nor, where the task asks for distinct models, another one with the same
///    model) holds or has answered it: higher priority first, then oldest first;
/// 2. a lease ends when it is reaped, released, its task is decided or another instance of its
///    worker registers, and not merely because its time passed; a vote needs the lease;
/// 3. points are paid in the one step that closes the task, exactly once;
/// 4. a repeated vote is answered with `Duplicate` and changes nothing; a vote on a closed task is
///    answered with `Closed`, and kept as late if its lease stood at the decision and has not run
///    out: it then changes track records alone;
/// 5. renewing never shortens a lease, renews only named tasks, and by bare heartbeats keeps a
///    lease for at most ten leases after its claim, not counting time in which nobody served;
/// 6. a lost lease is an attempt, but at most two losses of the workers of one owner are, and fewer
///    than the task allows, so that no owner fails a task alone; after two losses its workers do not
///    get the task again; the last attempt fails the task with the reason; workers that lose leases
///    again and again are suspended; leases per worker are bounded; time in which nobody reaped costs
///    no lease; the leases of a worker that sent heartbeats once end when it has given no sign of life
///    for as long as makes it gone;
/// 7. the wanted votes rise when the policy extends, and it concludes when it cannot;
/// 8. whatever was acknowledged survives a crash, on a persistent store;
/// 9. claims, votes and renewals are index look-ups whatever the history and backlog, and do not
///    look again at what a worker has answered;
/// 10. a step whose future is dropped is finished or not begun, never half done.
///
/// # Errors
///
/// `Err` means that nothing was done; for a store on another machine whose acknowledgement was
/// lost, the step may have been done, and repeating it is safe.
///
/// # Cancel safety
///
/// A step is handed to the store when its future is first polled. Dropping the future before the
/// step began takes it back; dropping it later only loses the outcome.
#[derive(Debug, Clone)]
pub struct Market {
    store: Arc<dyn TaskStore>,
    shared: Arc<Shared>,
}

/// What the steps of a market share. They do not hold the store, which may hold them.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policies: Policies,
    pub(super) observer: Arc<dyn Observer>,
    frontier: Mutex<ClaimFrontier>,
}

impl Shared {
    /// How far workers have looked.
    pub(super) fn frontier(&self) -> MutexGuard<'_, ClaimFrontier> {
        // OK because nothing panics under the lock.
        self.frontier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "the documentation of the type says it for all methods"
)]
impl Market {
    /// A market on `store` that decides by `policies`.
    pub fn new(store: impl TaskStore, policies: Policies) -> Self {
        Self::observed(Arc::new(store), policies, Arc::new(NoObserver))
    }

    /// A market that tells `observer` of its steps.
    pub(crate) fn observed(
        store: Arc<dyn TaskStore>,
        policies: Policies,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            store,
            shared: Arc::new(Shared {
                policies,
                observer,
                frontier: Mutex::default(),
            }),
        }
    }

    /// The store, which answers questions.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn TaskStore> {
        &self.store
    }

    /// What decides.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.shared.policies
    }

    /// Puts tasks in, with one outcome per task in order.
    ///
    /// Equal idempotency keys within one batch count as one after the other. Once as many tasks are
    /// open as may be, what would be new is [`Full`](InsertOutcome::Full); what is there already is
    /// answered as ever.
    pub async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError> {
        Ok(self.run(insert).await?.0)
    }

    /// Registers a worker, or renews what it said of itself.
    ///
    /// A registration without an instance keeps the registered one. One with another instance than
    /// the leases were claimed under ends those leases as lost.
    pub async fn register(&self, profile: WorkerProfile) -> Result<Registered, StoreError> {
        let ((), effects) = self.run(Register::new(profile)).await?;
        Ok(Registered { effects })
    }

    /// Gives a registered worker leases on tasks that it can do.
    ///
    /// A claim with a request id can be repeated when its outcome was lost: as long as the worker
    /// holds leases that the same instance of it got by a claim with the same id, it gets exactly
    /// those again ([`Claimed::Repeated`]), renewed as if it had named them, whatever the limits say
    /// by then. A repeated claim is not logged and opens no lease. Without a request id, and once none
    /// of those leases is held any more, a claim gives new ones.
    pub async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        Ok(self.run(ClaimStep::new(claim)).await?.0)
    }

    /// Notes that a worker is alive and renews leases that it holds.
    pub async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError> {
        Ok(self.run(renew).await?.0)
    }

    /// Takes votes, with one outcome per vote in order, and closes each task that is decided.
    ///
    /// The outcome of a vote is the first that holds of: unknown task, duplicate (also on a closed
    /// task), closed, not assigned, other model, accepted.
    pub async fn submit(&self, votes: Vec<Vote>) -> Result<Submitted, StoreError> {
        let (outcomes, effects) = self.run(Submit::new(votes)).await?;
        Ok(Submitted::new(outcomes, effects))
    }

    /// Takes leases back from a worker.
    ///
    /// Those that an instance other than the named one claimed are passed over.
    pub async fn release(&self, release: Release) -> Result<Released, StoreError> {
        let (released, effects) = self.run(release).await?;
        Ok(Released { released, effects })
    }

    /// Cancels an open task: its leases end without being attempts, and its votes are kept but decide
    /// nothing.
    pub async fn cancel(&self, cancel: Cancel) -> Result<CancelOutcome, StoreError> {
        Ok(self.run(cancel).await?.0)
    }

    /// Deletes tasks that were closed long ago, with their votes and idempotency keys. What workers
    /// earned with them, and what was learned of workers and models, stays.
    ///
    /// One step deletes few enough that others hardly notice; [`Pruned::next`] tells where the next one
    /// goes on. The tasks must have ids that [`TaskId::generate`](crate::id::TaskId::generate) made: it
    /// looks only at ids from before the time.
    pub async fn prune(&self, prune: Prune) -> Result<Pruned, StoreError> {
        Ok(self.run(prune).await?.0)
    }

    /// Ends leases whose time has passed, decides tasks whose deadline has passed, declares silent
    /// workers stale and gone, and deletes those that are gone and never did anything.
    pub async fn reap(&self, reap: Reap) -> Result<Reaped, StoreError> {
        let (mut reaped, effects) = self.run(reap).await?;
        reaped.effects = effects;
        Ok(reaped)
    }

    /// Suspends or reinstates a worker by hand.
    pub async fn set_standing(
        &self,
        change: StandingChange,
    ) -> Result<StandingChanged, StoreError> {
        let (known, effects) = self.run(change).await?;
        Ok(if known {
            StandingChanged::Done(effects)
        } else {
            StandingChanged::UnknownWorker
        })
    }

    /// Forgets everything but where the log of events is.
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.run(Clear).await.map(drop)
    }

    async fn run<O: Operation>(&self, operation: O) -> Reply<O> {
        let (caller, reply) = oneshot::channel();
        let job = Job::new(operation, Arc::clone(&self.shared), caller);
        self.store.write(Box::new(job));
        reply
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("the store dropped the step")))
    }
}
