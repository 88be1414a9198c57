//! What a store keeps, and how it changes it.

use std::sync::Arc;

use crate::access::{KeyId, KeyRecord, KeyStore, Replaced, Role};
use crate::conformance::harness::{at, worker};
use crate::time::Timestamp;

use super::clerk::{all, kept, owner, random, record};

/// Every part of a record, whether or not there is something to say.
pub async fn what_is_inserted_comes_back_whole(store: Arc<dyn KeyStore>) {
    let plain = record();
    let key = random(Role::Worker);
    let alice = Some(worker("alice"));
    let owner = owner("Ünïcode & Söns");
    let mut full = KeyRecord::new(key.id(), Role::Worker, alice, owner, key.hash(), at(1));
    full.expires_at = Some(Timestamp::from_micros(at(99).as_micros() + 1));
    full.revoked_at = Some(at(50));
    full.replaced_by = Some(plain.id);
    let key = random(Role::Admin);
    let admin = KeyRecord::new(
        key.id(),
        Role::Admin,
        None,
        plain.owner.clone(),
        key.hash(),
        at(2),
    );
    for record in [plain, full, admin] {
        store.insert(record.clone()).await.unwrap();
        assert_eq!(kept(&store, record.id).await, record);
        assert!(all(&store).await.contains(&record));
    }
}

/// So that repeating after an error is safe.
pub async fn inserting_the_same_id_again_changes_nothing(store: Arc<dyn KeyStore>) {
    let first = record();
    store.insert(first.clone()).await.unwrap();
    store.insert(first.clone()).await.unwrap();
    let mut other = record();
    other.id = first.id;
    other.expires_at = Some(at(9));
    store.insert(other).await.unwrap();
    assert_eq!(all(&store).await, [first]);
}

/// Neither reading nor revoking makes a key.
pub async fn an_unknown_key_is_none(store: Arc<dyn KeyStore>) {
    let id = record().id;
    assert_eq!(store.key(id).await.unwrap(), None);
    assert_eq!(store.revoke(id, at(0)).await.unwrap(), None);
    assert!(all(&store).await.is_empty());
}

/// Pages follow one another without gap or overlap, whatever state the keys are in.
pub async fn keys_are_paged_by_id(store: Arc<dyn KeyStore>) {
    let mut ids: Vec<KeyId> = Vec::new();
    for n in 0..20 {
        let record = record();
        ids.push(record.id);
        store.insert(record.clone()).await.unwrap();
        if n % 3 == 0 {
            store.revoke(record.id, at(1)).await.unwrap();
        }
    }
    ids.sort();
    for limit in [1, 3, 10, 20] {
        let mut paged = Vec::new();
        loop {
            let page = store.keys(paged.last().copied(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            paged.extend(page.iter().map(|record| record.id));
        }
        assert_eq!(paged, ids);
    }
    assert!(store.keys(None, 0).await.unwrap().is_empty());
    // The place after which a page begins need not be a key that there is.
    let between = KeyId::from_bytes([0; 10]);
    assert_eq!(store.keys(Some(between), 20).await.unwrap().len(), 20);
    let end = KeyId::from_bytes([0xff; 10]);
    assert!(store.keys(Some(end), 20).await.unwrap().is_empty());
}

/// The old key names its successor and expires; nothing else of it changes.
pub async fn replacing_puts_the_new_key_beside_the_old_one(store: Arc<dyn KeyStore>) {
    let (other, mut old, new) = (record(), record(), record());
    old.expires_at = Some(at(1_000));
    for record in [&other, &old] {
        store.insert(record.clone()).await.unwrap();
    }
    let replaced = store.replace(old.id, new.clone(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::Done);
    assert_eq!(kept(&store, new.id).await, new);
    assert_eq!(kept(&store, other.id).await, other);
    old.expires_at = Some(at(60));
    old.replaced_by = Some(new.id);
    assert_eq!(kept(&store, old.id).await, old);
}

/// A successor of nothing is not kept.
pub async fn replacing_an_unknown_key_adds_nothing(store: Arc<dyn KeyStore>) {
    let replaced = store.replace(record().id, record(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::Unknown);
    assert!(all(&store).await.is_empty());
}

/// Whoever let a key expire does not get a live one for it.
pub async fn replacing_an_expired_key_changes_nothing(store: Arc<dyn KeyStore>) {
    let mut old = record();
    old.expires_at = Some(at(10));
    store.insert(old.clone()).await.unwrap();
    let replaced = store.replace(old.id, record(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::NotLive);
    assert_eq!(all(&store).await, [old]);
}

/// Revoking is for good.
pub async fn replacing_a_revoked_key_changes_nothing(store: Arc<dyn KeyStore>) {
    let old = record();
    store.insert(old.clone()).await.unwrap();
    let old = store.revoke(old.id, at(5)).await.unwrap().unwrap();
    let replaced = store.replace(old.id, record(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::NotLive);
    assert_eq!(all(&store).await, [old]);
}

/// The second successor is told which the first is, and is not kept.
pub async fn a_key_is_replaced_once(store: Arc<dyn KeyStore>) {
    let (old, new) = (record(), record());
    store.insert(old.clone()).await.unwrap();
    let replaced = store.replace(old.id, new.clone(), at(60), at(10)).await;
    assert_eq!(replaced.unwrap(), Replaced::Done);
    let before = all(&store).await;
    let again = store.replace(old.id, record(), at(90), at(20)).await;
    assert_eq!(again.unwrap(), Replaced::Before(new.id));
    assert_eq!(all(&store).await, before);
    let expired = store.replace(old.id, record(), at(90), at(60)).await;
    assert_eq!(expired.unwrap(), Replaced::NotLive);
}

/// Of those that replace one key at a time one does, and the others are told which.
pub async fn racing_replacements_leave_one_successor(store: Arc<dyn KeyStore>) {
    let old = record();
    store.insert(old.clone()).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, old, new) = (Arc::clone(&store), old.id, record());
        racing.spawn(async move {
            let replaced = store.replace(old, new.clone(), at(60), at(10)).await;
            (new.id, replaced.unwrap())
        });
    }
    let raced = racing.join_all().await;
    let successor = kept(&store, old.id).await.replaced_by.unwrap();
    assert_eq!(all(&store).await.len(), 2);
    for (id, replaced) in raced {
        let expected = if id == successor {
            Replaced::Done
        } else {
            Replaced::Before(successor)
        };
        assert_eq!(replaced, expected);
    }
}

/// It says what is kept, and that is the record with the time at which it was revoked.
pub async fn revoking_changes_nothing_else(store: Arc<dyn KeyStore>) {
    let (mut revoked, other) = (record(), record());
    revoked.expires_at = Some(at(1_000));
    for record in [&other, &revoked] {
        store.insert(record.clone()).await.unwrap();
    }
    let told = store.revoke(revoked.id, at(7)).await.unwrap().unwrap();
    revoked.revoked_at = Some(at(7));
    assert_eq!(told, revoked);
    assert_eq!(kept(&store, revoked.id).await, revoked);
    assert_eq!(kept(&store, other.id).await, other);
}

/// Nor does inserting the record again bring the key back.
pub async fn revoking_again_keeps_the_first_time(store: Arc<dyn KeyStore>) {
    let record = record();
    store.insert(record.clone()).await.unwrap();
    let first = store.revoke(record.id, at(7)).await.unwrap();
    assert_eq!(store.revoke(record.id, at(8)).await.unwrap(), first);
    assert_eq!(store.revoke(record.id, at(6)).await.unwrap(), first);
    store.insert(record.clone()).await.unwrap();
    assert_eq!(store.key(record.id).await.unwrap(), first);
    assert_eq!(first.unwrap().revoked_at, Some(at(7)));
}
