use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::consensus::Policies;
use crate::id::{TaskId, WorkerId};
use crate::submission::Vote;
use crate::task::TaskDetails;
use crate::time::Timestamp;

use super::{
    Claim, Claimed, Insert, InsertOutcome, LeaderboardQuery, Place, Reap, Reaped, Registered,
    Release, Released, Renew, Renewed, StatsQuery, StoreError, StoreStats, Submitted, TaskPage,
    TaskQuery, WorkerProfile, WorkerQuery, WorkerSummary,
};

/// Keeps tasks, leases, votes, points and track records.
///
/// Every writing method is one atomic step over a batch, durable when it returns where the store is
/// persistent. An outcome is not an error: each item of a batch has its own, and a bad one never
/// fails the batch. `Err` means that nothing was done. The time is an argument of every step.
///
/// The rules are cases of the conformance suite (feature `conformance`),
/// which every implementation runs. A store must
/// 1. hand out a task while its votes and live leases are fewer than it wants, it is open, the
///    worker can do its type and is not suspended for it, and neither the worker nor another one of
///    the same owner (nor, where the task asks for distinct models, another one with the same
///    model) holds or has answered it: higher priority first, then oldest first;
/// 2. end a lease when it is reaped, released, its task is decided or another instance of its
///    worker registers, and not merely because its time passed; a vote needs the lease;
/// 3. pay points in the one step that closes the task, exactly once;
/// 4. answer a repeated vote with `Duplicate` and change nothing; answer a vote on a closed task
///    with `Closed`, and keep it as late if its lease stood at the decision and has not run out:
///    it then changes the track records of its worker and of the task type alone, by what
///    [`learn_late`](crate::consensus::learn_late) says;
/// 5. never shorten a lease by renewing, renew only named tasks, and keep a lease by bare
///    heartbeats for at most ten leases after its claim;
/// 6. count a lost lease as an attempt, of one worker at most two, and not give a task again to a
///    worker that lost it twice; fail the task at its last attempt with the reason; bound the
///    leases of a worker; let time in which nobody reaped cost no lease; end the leases of a worker
///    that sent heartbeats once, when it has given no sign of life for as long as makes it gone;
/// 7. raise the wanted votes when the policy extends, and conclude when it cannot;
/// 8. keep whatever it acknowledged through a crash (persistent stores);
/// 9. claim, submit and renew by index look-ups whatever the history and backlog, without
///    rescanning what a worker has answered (persistent stores);
/// 10. finish or not begin a step whose future is dropped, never half do it.
#[async_trait]
pub trait TaskStore: Debug + Send + Sync + 'static {
    /// Puts tasks in, with one outcome per task in order.
    ///
    /// Equal idempotency keys within one batch count as one after the other. Once as many tasks are
    /// open as may be, what would be new is [`Full`](InsertOutcome::Full); what is there already is
    /// answered as ever.
    async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError>;

    /// Registers a worker, or renews what it said of itself.
    ///
    /// A registration without an instance keeps the registered one. One with another instance than
    /// the leases were claimed under ends those leases as lost.
    async fn register(
        &self,
        profile: WorkerProfile,
        now: Timestamp,
    ) -> Result<Registered, StoreError>;

    /// Gives a registered worker leases on tasks that it can do.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Notes that a worker is alive and renews leases that it holds.
    async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError>;

    /// Takes votes, with one outcome per vote in order, and closes each task that is decided.
    ///
    /// The outcome of a vote is the first that holds of: unknown task, duplicate (also on a closed
    /// task), closed, not assigned, other model, accepted.
    async fn submit(
        &self,
        votes: Vec<Vote>,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Submitted, StoreError>;

    /// Takes leases back from a worker.
    ///
    /// Those that an instance other than the named one claimed are passed over.
    async fn release(&self, release: Release) -> Result<Released, StoreError>;

    /// Ends leases whose time has passed, and decides tasks whose deadline has passed.
    async fn reap(&self, reap: Reap, policies: &Policies) -> Result<Reaped, StoreError>;

    /// Forgets everything but where the log of events is.
    async fn clear(&self, now: Timestamp) -> Result<(), StoreError>;

    /// A task with its votes and leases.
    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError>;

    /// A page of tasks, by age. Reading ends with the first task that finds no place on it.
    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError>;

    /// A worker.
    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError>;

    /// A page of workers, ordered by id.
    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError>;

    /// A page of the leaderboard, which every worker with an accepted vote is on.
    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError>;

    /// Counts what there is.
    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: TaskStore + ?Sized> TaskStore for $pointer<S> {
            async fn insert(&self, insert: Insert) -> Result<Vec<InsertOutcome>, StoreError> {
                (**self).insert(insert).await
            }

            async fn register(
                &self,
                profile: WorkerProfile,
                now: Timestamp,
            ) -> Result<Registered, StoreError> {
                (**self).register(profile, now).await
            }

            async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
                (**self).claim(claim).await
            }

            async fn renew(&self, renew: Renew) -> Result<Renewed, StoreError> {
                (**self).renew(renew).await
            }

            async fn submit(
                &self,
                votes: Vec<Vote>,
                policies: &Policies,
                now: Timestamp,
            ) -> Result<Submitted, StoreError> {
                (**self).submit(votes, policies, now).await
            }

            async fn release(&self, release: Release) -> Result<Released, StoreError> {
                (**self).release(release).await
            }

            async fn reap(&self, reap: Reap, policies: &Policies) -> Result<Reaped, StoreError> {
                (**self).reap(reap, policies).await
            }

            async fn clear(&self, now: Timestamp) -> Result<(), StoreError> {
                (**self).clear(now).await
            }

            async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError> {
                (**self).task(id).await
            }

            async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError> {
                (**self).tasks(query).await
            }

            async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError> {
                (**self).worker(id).await
            }

            async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError> {
                (**self).workers(query).await
            }

            async fn leaderboard(
                &self,
                query: LeaderboardQuery,
            ) -> Result<Vec<Place>, StoreError> {
                (**self).leaderboard(query).await
            }

            async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
                (**self).stats(query).await
            }
        }
    )*};
}

forward!(Arc, Box);
