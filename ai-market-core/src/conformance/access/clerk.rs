use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::access::{
    AccessError, ApiKey, IssuedKey, KeyId, KeyRecord, KeySpec, KeyStore, Keys, Principal, Refusal,
    Role,
};
use crate::conformance::harness::at;
use crate::id::OwnerId;
use crate::time::{Clock, Timestamp};

/// Short words for what the cases do with keys; times are seconds from the start of a case.
#[derive(Debug)]
pub(super) struct Clerk {
    pub(super) keys: Keys,
    clock: Arc<Hands>,
}

/// A clock that goes where it is put.
#[derive(Debug)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

impl Clerk {
    /// The keys in `store`, at 0.
    pub(super) fn new(store: &Arc<dyn KeyStore>) -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(at(0).as_micros())));
        Self {
            keys: Keys::new(Arc::clone(store), Arc::clone(&clock)),
            clock,
        }
    }

    /// As another process on the same store has it, with the same clock.
    pub(super) fn another(&self, store: &Arc<dyn KeyStore>) -> Self {
        Self {
            keys: Keys::new(Arc::clone(store), Arc::clone(&self.clock)),
            clock: Arc::clone(&self.clock),
        }
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.clock.0.store(now.as_micros(), Ordering::SeqCst);
    }

    pub(super) async fn issue(&self, spec: KeySpec) -> IssuedKey {
        self.keys.create(spec).await.unwrap()
    }

    pub(super) async fn show(&self, key: &ApiKey) -> Result<Principal, Refusal> {
        match self.keys.authenticate(&key.reveal()).await {
            Ok(principal) => Ok(principal),
            Err(AccessError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other:?}"),
        }
    }

    pub(super) async fn accepts(&self, key: &ApiKey) -> bool {
        self.show(key).await.is_ok()
    }
}

pub(super) fn owner(name: &str) -> OwnerId {
    OwnerId::new(name).unwrap()
}

pub(super) fn random(role: Role) -> ApiKey {
    ApiKey::random(role).unwrap()
}

/// The record of a client's key that was made at 0.
pub(super) fn record() -> KeyRecord {
    let key = random(Role::Client);
    KeyRecord::new(
        key.id(),
        Role::Client,
        None,
        owner("acme"),
        key.hash(),
        at(0),
    )
}

/// All that is kept, which is less than a hundred keys.
pub(super) async fn all(store: &dyn KeyStore) -> Vec<KeyRecord> {
    store.keys(None, 100).await.unwrap()
}

/// The record of a key that is there.
pub(super) async fn kept(store: &dyn KeyStore, id: KeyId) -> KeyRecord {
    store.key(id).await.unwrap().unwrap()
}
