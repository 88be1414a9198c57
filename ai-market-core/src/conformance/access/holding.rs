//! Whose key is accepted, and for how long.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{AccessError, KeyRecord, KeySpec, KeyStore, Refusal, Role};
use crate::conformance::harness::at;
use crate::time::Timestamp;

use super::clerk::{Clerk, kept, owner, random};

/// Without a look at the store.
pub async fn what_is_no_key_is_refused(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let text = clerk.issue(KeySpec::new(Role::Client)).await.key.reveal();
    for wrong in ["", "secret", &text[..text.len() - 1], &format!("{text}a")] {
        let refused = clerk.keys.authenticate(wrong).await;
        assert!(
            matches!(refused, Err(AccessError::Refused(Refusal::Invalid(_)))),
            "{refused:?}"
        );
    }
}

/// Whoever tries ids does not learn which there are.
pub async fn an_unknown_key_and_a_wrong_secret_are_refused_alike(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let right = clerk.issue(KeySpec::new(Role::Client)).await;
    let unknown = random(Role::Client);
    assert_eq!(clerk.show(&unknown).await, Err(Refusal::Unknown));
    // The record of another key under the id of this one makes its secret a wrong one.
    let wrong = random(Role::Client);
    let mut record = right.record;
    record.id = wrong.id();
    store.insert(record).await.unwrap();
    assert_eq!(clerk.show(&wrong).await, Err(Refusal::Unknown));
    assert!(clerk.accepts(&right.key).await);
}

/// Not even that it was revoked or has expired.
pub async fn a_wrong_secret_learns_nothing_of_the_key(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let wrong = random(Role::Client);
    let hash = random(Role::Client).hash();
    let mut record = KeyRecord::new(wrong.id(), Role::Client, None, owner("acme"), hash, at(0));
    record.expires_at = Some(at(1));
    store.insert(record).await.unwrap();
    clerk.set(at(2));
    assert_eq!(clerk.show(&wrong).await, Err(Refusal::Unknown));
    clerk.keys.revoke(wrong.id()).await.unwrap();
    assert_eq!(clerk.show(&wrong).await, Err(Refusal::Unknown));
}

/// The role is part of the key, and what counts is the record's.
pub async fn a_key_that_names_another_role_is_refused(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let admin = random(Role::Admin);
    let (id, hash) = (admin.id(), admin.hash());
    let record = KeyRecord::new(id, Role::Client, None, owner("acme"), hash, at(0));
    store.insert(record).await.unwrap();
    assert_eq!(clerk.show(&admin).await, Err(Refusal::Unknown));
}

/// To the microsecond, also while what was read of it is believed.
pub async fn a_key_is_accepted_until_it_expires(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let spec = KeySpec::new(Role::Client).with_expiry(at(10));
    let key = clerk.issue(spec).await.key;
    for now in [at(0), at(9), Timestamp::from_micros(at(10).as_micros() - 1)] {
        clerk.set(now);
        assert!(clerk.accepts(&key).await, "{now}");
    }
    for now in [at(10), at(11), at(1_000_000)] {
        clerk.set(now);
        assert_eq!(clerk.show(&key).await, Err(Refusal::Expired), "{now}");
    }
}

/// Whatever was believed of it.
pub async fn a_revoked_key_is_refused_for_good_and_at_once(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let spec = KeySpec::new(Role::Client).with_expiry(at(10));
    let key = clerk.issue(spec).await.key;
    assert!(clerk.accepts(&key).await);
    let record = clerk.keys.revoke(key.id()).await.unwrap();
    assert_eq!(record, kept(&store, key.id()).await);
    for now in [at(0), at(9), at(10), at(1_000_000)] {
        clerk.set(now);
        assert_eq!(clerk.show(&key).await, Err(Refusal::Revoked), "{now}");
    }
    let unknown = random(Role::Client).id();
    let refused = clerk.keys.revoke(unknown).await;
    assert!(matches!(refused, Err(AccessError::UnknownKey(id)) if id == unknown));
}

/// So that the record says since when the key has been worthless.
pub async fn revoking_twice_keeps_the_first_time(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let id = clerk.issue(KeySpec::new(Role::Client)).await.key.id();
    clerk.set(at(3));
    let first = clerk.keys.revoke(id).await.unwrap();
    clerk.set(at(4));
    let second = clerk.keys.revoke(id).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(second.revoked_at, Some(at(3)));
}

/// What was read of a key is believed for a second and no longer, even if it is shown all the time.
pub async fn a_key_that_another_process_revoked_is_refused_a_second_later(
    store: Arc<dyn KeyStore>,
) {
    let clerk = Clerk::new(&store);
    let other = clerk.another(&store);
    let key = clerk.issue(KeySpec::new(Role::Client)).await.key;
    assert!(clerk.accepts(&key).await);
    clerk.set(at(0).plus(Duration::from_millis(500)));
    assert!(clerk.accepts(&key).await);
    other.keys.revoke(key.id()).await.unwrap();
    clerk.set(at(0).plus(Duration::from_millis(900)));
    // It may be accepted still.
    let _ = clerk.show(&key).await;
    clerk.set(at(0).plus(Duration::from_millis(1_500)));
    assert_eq!(clerk.show(&key).await, Err(Refusal::Revoked));
    assert_eq!(other.show(&key).await, Err(Refusal::Revoked));
}

/// That a key is unknown is not remembered.
pub async fn a_key_that_another_process_made_is_accepted_at_once(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let other = clerk.another(&store);
    let key = random(Role::Client);
    assert_eq!(clerk.show(&key).await, Err(Refusal::Unknown));
    let (id, hash) = (key.id(), key.hash());
    let record = KeyRecord::new(id, Role::Client, None, owner("acme"), hash, at(0));
    store.insert(record).await.unwrap();
    assert!(clerk.accepts(&key).await);
    let issued = other.issue(KeySpec::new(Role::Admin)).await;
    assert!(clerk.accepts(&issued.key).await);
}
