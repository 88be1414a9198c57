use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::store::StoreError;
use crate::time::Timestamp;

use super::{KeyId, KeyRecord, KeyState, KeyStore, Replaced};

/// A [`KeyStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryKeys {
    keys: Mutex<BTreeMap<KeyId, KeyRecord>>,
}

impl MemoryKeys {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<KeyId, KeyRecord>> {
        // OK because nothing panics under the lock.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
        self.lock().entry(record.id).or_insert(record);
        Ok(())
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.lock().get(&id).cloned())
    }

    async fn keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.lock();
        Ok(keys
            .range((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, key)| key.clone())
            .collect())
    }

    async fn replace(
        &self,
        old: KeyId,
        new: KeyRecord,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let mut keys = self.lock();
        let Some(record) = keys.get_mut(&old) else {
            return Ok(Replaced::Unknown);
        };
        if record.state(now) != KeyState::Live {
            return Ok(Replaced::NotLive);
        }
        if let Some(before) = record.replaced_by {
            return Ok(Replaced::Before(before));
        }
        record.replaced_by = Some(new.id);
        record.expires_at = Some(expires);
        keys.insert(new.id, new);
        Ok(Replaced::Done)
    }

    async fn revoke(&self, id: KeyId, now: Timestamp) -> Result<Option<KeyRecord>, StoreError> {
        let mut keys = self.lock();
        let Some(record) = keys.get_mut(&id) else {
            return Ok(None);
        };
        record.revoked_at.get_or_insert(now);
        Ok(Some(record.clone()))
    }
}
