//! Keys that take the place of others.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{AccessError, KeySpec, KeyStore, Refusal, Role};
use crate::conformance::harness::{at, worker};

use super::clerk::{Clerk, all, kept, owner, random};

const HOUR: Duration = Duration::from_secs(3_600);

/// And only the new one after it.
pub async fn both_keys_are_accepted_during_the_overlap(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let old = clerk.issue(KeySpec::new(Role::Client)).await.key;
    assert!(clerk.accepts(&old).await);
    clerk.set(at(10));
    let new = clerk.keys.rotate(old.id(), HOUR).await.unwrap();
    assert_eq!(kept(&store, new.key.id()).await, new.record);
    let record = kept(&store, old.id()).await;
    assert_eq!(record.replaced_by, Some(new.key.id()));
    assert_eq!(record.expires_at, Some(at(10).plus(HOUR)));
    for seconds in [10, 11, 3_609] {
        clerk.set(at(seconds));
        assert!(clerk.accepts(&old).await && clerk.accepts(&new.key).await);
    }
    for seconds in [3_610, 1_000_000] {
        clerk.set(at(seconds));
        assert_eq!(clerk.show(&old).await, Err(Refusal::Expired));
        assert!(clerk.accepts(&new.key).await);
    }
}

/// For a key that has leaked.
pub async fn a_rotation_without_overlap_ends_the_old_key_at_once(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let old = clerk.issue(KeySpec::new(Role::Client)).await.key;
    assert!(clerk.accepts(&old).await);
    let new = clerk.keys.rotate(old.id(), Duration::ZERO).await.unwrap();
    assert_eq!(clerk.show(&old).await, Err(Refusal::Expired));
    assert!(clerk.accepts(&new.key).await);
}

/// Its holder is the same in all but the key.
pub async fn a_rotation_hands_on_what_the_key_is_for(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    for spec in [
        KeySpec::worker(worker("alice")).with_owner(owner("acme")),
        KeySpec::new(Role::Admin),
    ] {
        let old = clerk.issue(spec).await;
        clerk.set(at(5));
        let new = clerk.keys.rotate(old.key.id(), HOUR).await.unwrap();
        assert_ne!(new.key.id(), old.key.id());
        assert_eq!(new.record.created_at, at(5));
        let (before, after) = (
            clerk.show(&old.key).await.unwrap(),
            clerk.show(&new.key).await.unwrap(),
        );
        assert_eq!(
            (after.role, &after.worker, &after.owner),
            (before.role, &before.worker, &before.owner)
        );
        clerk.set(at(0));
    }
}

/// A key that would expire before the overlap ends expires then.
pub async fn a_rotation_never_prolongs_the_old_key(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let spec = KeySpec::new(Role::Client).with_expiry(at(60));
    let old = clerk.issue(spec).await.key;
    clerk.keys.rotate(old.id(), HOUR).await.unwrap();
    assert_eq!(kept(&store, old.id()).await.expires_at, Some(at(60)));
    clerk.set(at(60));
    assert_eq!(clerk.show(&old).await, Err(Refusal::Expired));
}

/// Without the other being touched.
pub async fn either_of_two_rotated_keys_can_be_revoked(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    for revoke_old in [true, false] {
        let old = clerk.issue(KeySpec::new(Role::Client)).await.key;
        let new = clerk.keys.rotate(old.id(), HOUR).await.unwrap().key;
        let (revoked, other) = if revoke_old { (old, new) } else { (new, old) };
        clerk.keys.revoke(revoked.id()).await.unwrap();
        assert_eq!(clerk.show(&revoked).await, Err(Refusal::Revoked));
        assert!(clerk.accepts(&other).await);
    }
}

/// Neither an unknown key, nor one that has expired or was revoked.
pub async fn only_a_live_key_is_rotated(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let unknown = random(Role::Client).id();
    let refused = clerk.keys.rotate(unknown, HOUR).await;
    assert!(matches!(refused, Err(AccessError::UnknownKey(id)) if id == unknown));
    let spec = KeySpec::new(Role::Client);
    let revoked = clerk.issue(spec.clone()).await.key.id();
    clerk.keys.revoke(revoked).await.unwrap();
    let expired = clerk.issue(spec.with_expiry(at(10))).await.key.id();
    clerk.set(at(10));
    for dead in [revoked, expired] {
        let refused = clerk.keys.rotate(dead, HOUR).await;
        assert!(matches!(refused, Err(AccessError::NotLive(id)) if id == dead));
    }
    assert_eq!(all(&store).await.len(), 2);
}

/// Its successor is; else an old key would have many.
pub async fn a_key_is_rotated_once(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let first = clerk.issue(KeySpec::new(Role::Client)).await.key.id();
    let second = clerk.keys.rotate(first, HOUR).await.unwrap().key.id();
    let refused = clerk.keys.rotate(first, HOUR).await;
    assert!(
        matches!(refused, Err(AccessError::Rotated { old, new }) if (old, new) == (first, second))
    );
    assert_eq!(all(&store).await.len(), 2);
    clerk.keys.rotate(second, HOUR).await.unwrap();
    assert_eq!(all(&store).await.len(), 3);
}

/// What was believed of it said nothing of the end.
pub async fn a_key_that_another_process_rotated_is_refused_after_the_overlap(
    store: Arc<dyn KeyStore>,
) {
    let clerk = Clerk::new(&store);
    let other = clerk.another(&store);
    let old = clerk.issue(KeySpec::new(Role::Client)).await.key;
    assert!(clerk.accepts(&old).await);
    let second = Duration::from_secs(1);
    let new = other.keys.rotate(old.id(), second).await.unwrap().key;
    assert!(clerk.accepts(&new).await);
    clerk.set(at(1));
    assert_eq!(clerk.show(&old).await, Err(Refusal::Expired));
    assert!(clerk.accepts(&new).await);
}
