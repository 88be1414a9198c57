//! Keys that are made.

use std::sync::Arc;

use crate::access::{AccessError, KeySpec, KeyState, KeyStore, Role};
use crate::conformance::harness::{at, worker};

use super::clerk::{Clerk, all, kept, owner};

/// It is kept as it was issued, and accepted as often as it is shown.
pub async fn an_issued_key_is_accepted(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    for role in [Role::Admin, Role::Client] {
        let issued = clerk
            .issue(KeySpec::new(role).with_owner(owner("acme")))
            .await;
        assert_eq!(issued.record.state(at(0)), KeyState::Live);
        assert_eq!(kept(&store, issued.key.id()).await, issued.record);
        for _ in 0..3 {
            let holder = clerk.show(&issued.key).await.unwrap();
            assert_eq!(holder, issued.record.principal());
            assert_eq!((holder.key, holder.role), (issued.key.id(), role));
            assert_eq!(holder.worker, None);
        }
    }
    assert_eq!(clerk.keys.list(None, 9).await.unwrap(), all(&store).await);
}

/// And as no other.
pub async fn a_worker_key_acts_as_its_worker(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    for name in ["alice", "bob"] {
        let issued = clerk.issue(KeySpec::worker(worker(name))).await;
        let holder = clerk.show(&issued.key).await.unwrap();
        assert_eq!(holder.role, Role::Worker);
        assert_eq!(holder.worker, Some(worker(name)));
    }
}

/// Where an owner is named, it is that one.
pub async fn a_key_without_an_owner_belongs_to_its_worker_or_the_operator(
    store: Arc<dyn KeyStore>,
) {
    let clerk = Clerk::new(&store);
    let alice = KeySpec::worker(worker("alice"));
    for (spec, whose) in [
        (alice.clone(), "alice"),
        (alice.with_owner(owner("acme")), "acme"),
        (KeySpec::new(Role::Client), "operator"),
        (KeySpec::new(Role::Admin), "operator"),
        (KeySpec::new(Role::Client).with_owner(owner("acme")), "acme"),
    ] {
        let issued = clerk.issue(spec).await;
        let holder = clerk.show(&issued.key).await.unwrap();
        assert_eq!(holder.owner, owner(whose));
        assert_eq!(kept(&store, issued.key.id()).await.owner, owner(whose));
    }
}

/// What contradicts itself is not made.
pub async fn a_worker_key_and_no_other_names_a_worker(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let mut specs = vec![KeySpec::new(Role::Worker)];
    for role in [Role::Admin, Role::Client] {
        let mut spec = KeySpec::new(role);
        spec.worker = Some(worker("alice"));
        specs.push(spec);
    }
    for spec in specs {
        let refused = clerk.keys.create(spec).await;
        assert!(matches!(refused, Err(AccessError::WorkerMismatch)));
    }
    assert!(all(&store).await.is_empty());
}

/// A key that would not be accepted even once is a mistake.
pub async fn a_key_that_has_expired_is_not_made(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    clerk.set(at(10));
    for expiry in [at(9), at(10)] {
        let spec = KeySpec::new(Role::Client).with_expiry(expiry);
        let refused = clerk.keys.create(spec).await;
        assert!(matches!(refused, Err(AccessError::ExpiresInThePast)));
    }
    assert!(all(&store).await.is_empty());
}

/// Of that role, and live: neither expired nor revoked.
pub async fn a_live_key_of_a_role_is_found(store: Arc<dyn KeyStore>) {
    let clerk = Clerk::new(&store);
    let live = async || {
        let mut live = Vec::new();
        for role in Role::ALL {
            if clerk.keys.has_live(role).await.unwrap() {
                live.push(role);
            }
        }
        live
    };
    assert!(live().await.is_empty());
    let spec = KeySpec::new(Role::Admin).with_expiry(at(10));
    let first = clerk.issue(spec.clone()).await;
    clerk.issue(KeySpec::worker(worker("alice"))).await;
    assert_eq!(live().await, [Role::Admin, Role::Worker]);
    clerk.issue(spec).await;
    clerk.keys.revoke(first.key.id()).await.unwrap();
    assert_eq!(live().await, [Role::Admin, Role::Worker]);
    clerk.set(at(10));
    assert_eq!(live().await, [Role::Worker]);
}
