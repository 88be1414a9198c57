use crate::store::StoreError;

use super::{InvalidApiKey, KeyId};

/// Why a key is refused.
///
/// Whoever shows an unknown key and whoever shows a wrong secret are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no key.
    #[error("{0}")]
    Invalid(InvalidApiKey),
    /// There is no such key, or its secret is another.
    #[error("this API key is not known here")]
    Unknown,
    /// Its time has passed.
    #[error("this API key has expired")]
    Expired,
    /// It was revoked.
    #[error("this API key was revoked")]
    Revoked,
}

/// Why something about keys was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The key is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such key.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// Only a live key can be rotated.
    #[error("key {0} is not live any more; create a new one")]
    NotLive(KeyId),
    /// The key was rotated before, and both are live.
    #[error("key {old} was rotated already; rotate or revoke {new}")]
    Rotated {
        /// The key that was to be rotated.
        old: KeyId,
        /// The key that took its place.
        new: KeyId,
    },
    /// A key must say which worker it is for exactly when its role is worker.
    #[error("a worker key, and no other, is for one worker id")]
    WorkerMismatch,
    /// A key that would not be accepted even once.
    #[error("the key would have expired before it was made")]
    ExpiresInThePast,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness(#[source] std::io::Error),
    /// The keys cannot be read or written.
    #[error("the keys cannot be read or written")]
    Store(#[from] StoreError),
}
