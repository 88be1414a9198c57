use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Serving, ServingQuery, StoreError, TallyQuery, TallyRow};

/// Tells how workers, models and task types did and do.
///
/// A [`TaskStore`](super::TaskStore) implements it on what it keeps; its steps keep the tallies. A
/// store must
/// - count a vote when it is accepted, in the step that accepts it, under its worker, the type of
///   its task and the model that the vote names or its lease was claimed with;
/// - count agreements, disagreements and points in the step that closes the task, each under the
///   model of the vote; agreement is what the comparator of the task type says of the final label;
/// - count a late answer, and whether it agrees, in the step that keeps it;
/// - count a lost lease under the model that it was claimed with;
/// - so have every sum over all groups equal what is stored, whatever is repeated, killed or raced.
#[async_trait]
pub trait TallyStore: Debug + Send + Sync + 'static {
    /// A page of tallies.
    ///
    /// It visits all groups, which are as many as workers, models and task types in use.
    async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError>;

    /// Who serves which task types now, ordered by type and model.
    ///
    /// It visits all workers that are not gone.
    async fn serving(&self, query: ServingQuery) -> Result<Vec<Serving>, StoreError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: TallyStore + ?Sized> TallyStore for $pointer<S> {
            async fn tallies(&self, query: TallyQuery) -> Result<Vec<TallyRow>, StoreError> {
                (**self).tallies(query).await
            }

            async fn serving(&self, query: ServingQuery) -> Result<Vec<Serving>, StoreError> {
                (**self).serving(query).await
            }
        }
    )*};
}

forward!(Arc, Box);
