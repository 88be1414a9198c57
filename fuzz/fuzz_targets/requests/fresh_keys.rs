use std::sync::{Arc, Mutex};

use ai_market_core::access::{IssuedKey, KeyId, KeyRecord, KeyStore, MemoryKeys, Replaced};
use ai_market_core::store::StoreError;
use ai_market_core::time::Timestamp;
use async_trait::async_trait;

/// Keys that are made afresh for each input, so that none sees what another did.
#[derive(Debug, Default)]
pub(crate) struct FreshKeys(Mutex<Arc<MemoryKeys>>);

impl FreshKeys {
    fn store(&self) -> Arc<MemoryKeys> {
        Arc::clone(&self.0.lock().unwrap())
    }

    pub(crate) async fn reset(&self, issued: &[IssuedKey]) {
        let store = MemoryKeys::new();
        for key in issued {
            store.insert(key.record.clone()).await.unwrap();
        }
        *self.0.lock().unwrap() = Arc::new(store);
    }
}

#[async_trait]
impl KeyStore for FreshKeys {
    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
        self.store().insert(record).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.store().key(id).await
    }

    async fn keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        self.store().keys(after, limit).await
    }

    async fn replace(
        &self,
        old: KeyId,
        new: KeyRecord,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.store().replace(old, new, expires, now).await
    }

    async fn revoke(&self, id: KeyId, now: Timestamp) -> Result<Option<KeyRecord>, StoreError> {
        self.store().revoke(id, now).await
    }
}
