use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{TaskId, WorkerId};
use crate::task::TaskDetails;
use crate::time::Timestamp;

use super::{
    EventPage, EventQuery, LeaderboardQuery, ModelQuery, ModelReport, Place, StatsQuery, Step,
    StoreError, StoreStats, TallyQuery, TallyRow, TaskPage, TaskQuery, TaskTypeQuery,
    TaskTypeSummary, WorkerQuery, WorkerSummary,
};

/// A database for a market: it runs [steps](Step) in atomic, durable transactions, and answers
/// questions.
///
/// It knows no rule of the market; those stand in [`market`](crate::market). A store must
/// - run each step in a transaction, as [`Step`] says: it is done whole or not at all, sees what
///   earlier steps wrote and nothing of those that run beside it, and survives a crash once its
///   [`finish`](Step::finish) has said so (persistent stores);
/// - bring back rows as they were written, and find them by an index and in order, so that what a
///   step costs does not grow with history or backlog (persistent stores);
/// - answer a question at a cost that grows with the answer, and not with how many tasks, workers,
///   models or task types there are (persistent stores);
/// - log the events of a step in its transaction, each at a higher place than every event that could
///   be read before, also after a restart and after [`clear`](super::Transaction::clear); keep the
///   newest of them, as many as it was told to at least, and drop the oldest beyond that;
/// - never let its time go back while it is open.
///
/// The conformance suite (feature `conformance`) has a case for each of these, and runs the rules of
/// the market on the store.
#[async_trait]
pub trait TaskStore: Debug + Send + Sync + 'static {
    /// Takes a step on, to be run soon, and returns at once.
    ///
    /// Once the step is run, or cannot be, the store calls its [`finish`](Step::finish). A store that
    /// has too much waiting work finishes it as [`StoreError::Overloaded`] at once.
    fn write(&self, step: Box<dyn Step>);

    /// The time of the store: that of the next transaction, as far as it is known.
    fn now(&self) -> Timestamp;

    /// A task with its votes; an open one with its leases and how many workers serve its type.
    async fn task(&self, id: TaskId) -> Result<Option<TaskDetails>, StoreError>;

    /// A page of tasks, by age. Reading ends with the first task that finds no place on it.
    async fn tasks(&self, query: TaskQuery) -> Result<TaskPage, StoreError>;

    /// A worker.
    async fn worker(&self, id: WorkerId) -> Result<Option<WorkerSummary>, StoreError>;

    /// A page of workers, ordered by id.
    async fn workers(&self, query: WorkerQuery) -> Result<Vec<WorkerSummary>, StoreError>;

    /// A page of the leaderboard, which every worker with an accepted vote is on.
    async fn leaderboard(&self, query: LeaderboardQuery) -> Result<Vec<Place>, StoreError>;

    /// A page of tallies.
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError>;

    /// A page of the models that workers serve task types with, and of those that have a tally.
    async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError>;

    /// A page of the task types that have a task or that a worker serves.
    async fn task_types(&self, query: TaskTypeQuery) -> Result<Vec<TaskTypeSummary>, StoreError>;

    /// Counts what there is.
    async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError>;

    /// A page of events, oldest first, with the place after which it begins.
    async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: TaskStore + ?Sized> TaskStore for $pointer<S> {
            fn write(&self, step: Box<dyn Step>) {
                (**self).write(step);
            }

            fn now(&self) -> Timestamp {
                (**self).now()
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

            async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
                (**self).tallies(query).await
            }

            async fn models(&self, query: ModelQuery) -> Result<Vec<ModelReport>, StoreError> {
                (**self).models(query).await
            }

            async fn task_types(
                &self,
                query: TaskTypeQuery,
            ) -> Result<Vec<TaskTypeSummary>, StoreError> {
                (**self).task_types(query).await
            }

            async fn stats(&self, query: StatsQuery) -> Result<StoreStats, StoreError> {
                (**self).stats(query).await
            }

            async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
                (**self).events(query).await
            }
        }
    )*};
}

forward!(Arc, Box);
