//! What stores that outlive their process promise beyond the others.
//!
//! That a killed process loses nothing, and that another process is seen, is for the tests of the
//! store itself to show, with a real process.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::access::{KeySpec, KeyStore, Refusal, Replaced, Role};
use crate::conformance::harness::{at, worker};

use super::clerk::{Clerk, all, kept, record};

/// Opens one place again and again.
#[async_trait]
pub trait ReopenKeys: Debug + Send + Sync {
    /// Opens the keys; other handles on them may be open at the time.
    async fn open(&self) -> Arc<dyn KeyStore>;
}

/// Keys, whatever has become of them.
pub async fn what_was_acknowledged_is_there_again(reopen: &dyn ReopenKeys) {
    let store = reopen.open().await;
    let clerk = Clerk::new(&store);
    let spec = KeySpec::worker(worker("alice")).with_expiry(at(1_000));
    let old = clerk.issue(spec).await.key;
    let hour = Duration::from_secs(3_600);
    let new = clerk.keys.rotate(old.id(), hour).await.unwrap().key;
    let revoked = clerk.issue(KeySpec::new(Role::Admin)).await.key;
    clerk.keys.revoke(revoked.id()).await.unwrap();
    let before = all(&store).await;
    drop(clerk);
    drop(store);

    let store = reopen.open().await;
    assert_eq!(all(&store).await, before);
    let clerk = Clerk::new(&store);
    assert!(clerk.accepts(&old).await && clerk.accepts(&new).await);
    assert_eq!(clerk.show(&revoked).await, Err(Refusal::Revoked));
}

/// From when it was done on.
pub async fn what_one_handle_does_the_others_see(reopen: &dyn ReopenKeys) {
    let (one, two) = (reopen.open().await, reopen.open().await);
    let (first, second) = (record(), record());
    one.insert(first.clone()).await.unwrap();
    assert_eq!(kept(&two, first.id).await, first);
    let replaced = two.replace(first.id, second.clone(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::Done);
    assert_eq!(kept(&one, first.id).await.replaced_by, Some(second.id));
    one.revoke(second.id, at(11)).await.unwrap();
    assert_eq!(kept(&two, second.id).await.revoked_at, Some(at(11)));
    drop(one);
    assert_eq!(all(&two).await, all(&reopen.open().await).await);
}

/// However they come in each other's way.
pub async fn racing_handles_replace_a_key_once(reopen: &dyn ReopenKeys) {
    let old = record();
    reopen.open().await.insert(old.clone()).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (store, old, new) = (reopen.open().await, old.id, record());
        racing.spawn(async move {
            let replaced = store.replace(old, new, at(60), at(10)).await;
            replaced.unwrap() == Replaced::Done
        });
    }
    let done = racing.join_all().await;
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
    assert_eq!(all(&reopen.open().await).await.len(), 2);
}
