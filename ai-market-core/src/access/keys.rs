use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::id::{OwnerId, WorkerId};
use crate::time::{Clock, Timestamp};

use super::{
    AccessError, ApiKey, KeyId, KeyRecord, KeyState, KeyStore, Principal, Refusal, Replaced, Role,
};

/// For how long what was read of a key is believed: so long a key may be accepted after it was
/// revoked by another process.
const BELIEVED: Duration = Duration::from_secs(1);

/// The most keys that are remembered.
const REMEMBERED: usize = 10_000;

/// Issues keys, takes them back, and tells whose key a request shows.
///
/// Cloning is cheap, and all clones are one.
#[derive(Debug, Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn KeyStore>,
    clock: Arc<dyn Clock>,
    recent: Mutex<Recent>,
}

/// What was read of keys lately, and when.
#[derive(Debug, Default)]
struct Recent {
    keys: HashMap<KeyId, (Timestamp, KeyRecord)>,
    /// How often something was forgotten: what was read before that is not remembered after it.
    forgotten: u64,
}

impl Recent {
    fn forget(&mut self, id: KeyId) {
        self.keys.remove(&id);
        self.forgotten += 1;
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySpec {
    /// What it lets its holder do.
    pub role: Role,
    /// The one worker that a worker key acts as.
    pub worker: Option<WorkerId>,
    /// Whose key it is; where it is not said, the worker's own, or that of whoever runs the market.
    pub owner: Option<OwnerId>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl KeySpec {
    /// A key of this role that does not expire.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            worker: None,
            owner: None,
            expires_at: None,
        }
    }

    /// A key that acts as `worker`.
    #[must_use]
    pub fn worker(worker: WorkerId) -> Self {
        Self {
            worker: Some(worker),
            ..Self::new(Role::Worker)
        }
    }

    /// Says whose key it is.
    #[must_use]
    pub fn with_owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Sets when the key expires.
    #[must_use]
    pub fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// A key that was just made: the only time that its secret is there.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub key: ApiKey,
    /// What is kept of it.
    pub record: KeyRecord,
}

impl Keys {
    /// How long a rotated key lives beside its successor where nothing else is said: a day.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

    /// The keys in `store`.
    pub fn new(store: impl KeyStore, clock: impl Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                store: Arc::new(store),
                clock: Arc::new(clock),
                recent: Mutex::default(),
            }),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // OK because nothing panics under the lock.
        self.inner
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the spec contradicts itself, or the store fails.
    pub async fn create(&self, spec: KeySpec) -> Result<IssuedKey, AccessError> {
        let now = self.inner.clock.now();
        if spec.worker.is_some() != (spec.role == Role::Worker) {
            return Err(AccessError::WorkerMismatch);
        }
        if spec.expires_at.is_some_and(|at| at <= now) {
            return Err(AccessError::ExpiresInThePast);
        }
        let key = ApiKey::random(spec.role).map_err(AccessError::NoRandomness)?;
        let owner = match (spec.owner, &spec.worker) {
            (Some(owner), _) => owner,
            // A worker id has the form of an owner.
            (None, Some(worker)) => OwnerId::new(worker.as_str())
                .unwrap_or_else(|_| unreachable!("worker ids and owners have one rule")),
            (None, None) => {
                OwnerId::new("operator").unwrap_or_else(|_| unreachable!("a valid literal"))
            }
        };
        let mut record = KeyRecord::new(key.id(), spec.role, spec.worker, owner, key.hash(), now);
        record.expires_at = spec.expires_at;
        self.inner.store.insert(record.clone()).await?;
        Ok(IssuedKey { key, record })
    }

    /// Makes a new key like `id`, which lives on beside it for at most `overlap`.
    ///
    /// The new key lives as long from now as the old one was made for.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the key is unknown, not live or rotated before, or the store fails.
    pub async fn rotate(&self, id: KeyId, overlap: Duration) -> Result<IssuedKey, AccessError> {
        let now = self.inner.clock.now();
        let old = self
            .inner
            .store
            .key(id)
            .await?
            .ok_or(AccessError::UnknownKey(id))?;
        let key = ApiKey::random(old.role).map_err(AccessError::NoRandomness)?;
        let (worker, owner) = (old.worker.clone(), old.owner.clone());
        let mut record = KeyRecord::new(key.id(), old.role, worker, owner, key.hash(), now);
        let lifetime = old.expires_at.map(|at| at.since(old.created_at));
        record.expires_at = lifetime.map(|lifetime| now.plus(lifetime));
        let expires = old.expiry_within(overlap, now);
        match self
            .inner
            .store
            .replace(id, record.clone(), expires, now)
            .await?
        {
            Replaced::Done => {
                self.recent().forget(id);
                Ok(IssuedKey { key, record })
            }
            Replaced::Unknown => Err(AccessError::UnknownKey(id)),
            Replaced::NotLive => Err(AccessError::NotLive(id)),
            Replaced::Before(new) => Err(AccessError::Rotated { old: id, new }),
        }
    }

    /// Revokes a key for good; processes other than this one notice within a second.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the key is unknown, or the store fails.
    pub async fn revoke(&self, id: KeyId) -> Result<KeyRecord, AccessError> {
        let revoked = self.inner.store.revoke(id, self.inner.clock.now()).await?;
        self.recent().forget(id);
        revoked.ok_or(AccessError::UnknownKey(id))
    }

    /// Up to `limit` records after one, ordered by id.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the store fails.
    pub async fn list(
        &self,
        after: Option<KeyId>,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, AccessError> {
        Ok(self.inner.store.keys(after, limit).await?)
    }

    /// Whether there is a live key of this role.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the store fails.
    pub async fn has_live(&self, role: Role) -> Result<bool, AccessError> {
        const PAGE: usize = 1_000;
        let now = self.inner.clock.now();
        let mut after = None;
        loop {
            let page = self.list(after, PAGE).await?;
            let live = |key: &KeyRecord| key.role == role && key.state(now) == KeyState::Live;
            if page.iter().any(live) {
                return Ok(true);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id),
                _ => return Ok(false),
            }
        }
    }

    /// Whose key `text` is.
    ///
    /// # Errors
    ///
    /// [`AccessError::Refused`] when it is nobody's or not live, others when the store fails.
    pub async fn authenticate(&self, text: &str) -> Result<Principal, AccessError> {
        let key: ApiKey = text.parse().map_err(Refusal::Invalid)?;
        let record = self.record(key.id()).await?.ok_or(Refusal::Unknown)?;
        // The secret first: nobody learns anything of a key whose secret they do not have.
        if record.hash != key.hash() || record.role != key.role() {
            return Err(Refusal::Unknown.into());
        }
        match record.state(self.inner.clock.now()) {
            KeyState::Live => Ok(record.principal()),
            KeyState::Expired => Err(Refusal::Expired.into()),
            KeyState::Revoked => Err(Refusal::Revoked.into()),
        }
    }

    /// Whether the key of this id is accepted now, for whoever has shown it before.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when the store fails.
    pub async fn is_live(&self, id: KeyId) -> Result<bool, AccessError> {
        let record = self.record(id).await?;
        let now = self.inner.clock.now();
        Ok(record.is_some_and(|record| record.state(now) == KeyState::Live))
    }

    async fn record(&self, id: KeyId) -> Result<Option<KeyRecord>, AccessError> {
        let now = self.inner.clock.now();
        let forgotten = {
            let recent = self.recent();
            if let Some((read_at, record)) = recent.keys.get(&id)
                && now >= *read_at
                && now.since(*read_at) < BELIEVED
            {
                return Ok(Some(record.clone()));
            }
            recent.forgotten
        };
        let record = self.inner.store.key(id).await?;
        // Unknown ids are not remembered: whoever makes them up would fill the memory.
        if let Some(record) = &record {
            let mut recent = self.recent();
            // What was read while a key was revoked here may be what it was before.
            if recent.forgotten == forgotten {
                if recent.keys.len() >= REMEMBERED {
                    recent.keys.clear();
                }
                recent.keys.insert(id, (now, record.clone()));
            }
        }
        Ok(record)
    }
}
