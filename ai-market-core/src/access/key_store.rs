use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::store::StoreError;
use crate::time::Timestamp;

use super::{KeyId, KeyRecord};

/// What became of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The new key is there, and the old one expires when it was told.
    Done,
    /// There is no such old key.
    Unknown,
    /// The old key has expired or was revoked.
    NotLive,
    /// The old key was replaced by this one before.
    Before(KeyId),
}

/// Keeps the records of keys.
///
/// Every writing method is one atomic step, durable when it returns where the store is persistent,
/// and visible to whoever asks afterwards, in other processes too. `Err` means that nothing was
/// done. The cases of the conformance suite (module `conformance`) are named after what a store must
/// do.
#[async_trait]
pub trait KeyStore: Debug + Send + Sync + 'static {
    /// Adds a record; a record of the same id is left as it is.
    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError>;

    /// The record of a key.
    async fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// Up to `limit` records after one, ordered by id.
    async fn keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<KeyRecord>, StoreError>;

    /// Puts `new` in the place of the live key `old`, which expires at `expires`; all or nothing.
    async fn replace(
        &self,
        old: KeyId,
        new: KeyRecord,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError>;

    /// Revokes a key for good, and says what is kept of it; `None` where there is none.
    ///
    /// Revoking again changes nothing.
    async fn revoke(&self, id: KeyId, now: Timestamp) -> Result<Option<KeyRecord>, StoreError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<S: KeyStore + ?Sized> KeyStore for $pointer<S> {
            async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
                (**self).insert(record).await
            }

            async fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
                (**self).key(id).await
            }

            async fn keys(
                &self,
                after: Option<KeyId>,
                limit: usize,
            ) -> Result<Vec<KeyRecord>, StoreError> {
                (**self).keys(after, limit).await
            }

            async fn replace(
                &self,
                old: KeyId,
                new: KeyRecord,
                expires: Timestamp,
                now: Timestamp,
            ) -> Result<Replaced, StoreError> {
                (**self).replace(old, new, expires, now).await
            }

            async fn revoke(
                &self,
                id: KeyId,
                now: Timestamp,
            ) -> Result<Option<KeyRecord>, StoreError> {
                (**self).revoke(id, now).await
            }
        }
    )*};
}

forward!(Arc, Box);
