//! The time of a store never goes back while it is open.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, at, new_task, worker};
use crate::market::{Claim, Insert, LeaseScope, Reap};
use crate::time::Clock;

/// While the clock is put back nothing runs out and nothing is extended; once it has caught up, leases
/// end when they would have.
pub async fn time_stands_still_while_the_clock_is_put_back(h: &Harness) {
    let reap = || {
        Reap::new(100, Duration::from_secs(5))
            .with_longest_lease(LEASE)
            .with_gone_after(Duration::from_secs(45))
    };
    h.register(&["alice", "bob"], 90).await;
    let held = h.task(1, 90).await;
    h.claim("alice", 1, 98).await;
    h.at(100).reap(reap()).await.unwrap();
    let before = h.details(held).await;
    assert_eq!(before.leases[0].until, at(98).plus(LEASE));

    for seconds in [10, 20, 99] {
        h.clock.set(at(seconds));
        assert_eq!(h.store.now(), at(100));
        let reaped = h.market.reap(reap()).await.unwrap();
        assert_eq!((reaped.lost, reaped.gone.len()), (0, 0));
        assert_eq!(h.details(held).await, before);
    }
    h.clock.set(at(10));
    let market = &h.market;
    let insert = Insert::new(vec![new_task("a", 1, 10)]);
    let other = insert.tasks[0].id;
    market.insert(insert).await.unwrap();
    assert_eq!(h.get(other).await.created_at, at(100));
    let claim = Claim::new(worker("bob"), LEASE);
    market.claim(claim).await.unwrap();
    let lease = &h.details(other).await.leases[0];
    assert_eq!(
        (lease.claimed_at, lease.until),
        (at(100), at(100).plus(LEASE))
    );
    assert_eq!(h.worker("bob").await.last_seen, at(100));

    h.clock.set(at(0));
    assert_eq!(h.clock.now(), at(0));
    h.at(101).reap(reap()).await.unwrap();
    h.renew("bob", LeaseScope::Named(vec![other]), 102).await;
    for seconds in (103..=158).step_by(5) {
        h.renew("bob", LeaseScope::Named(vec![]), seconds).await;
        assert_eq!(
            h.at(seconds).reap(reap()).await.unwrap().lost,
            0,
            "{seconds}"
        );
    }
    assert_eq!(h.at(159).reap(reap()).await.unwrap().lost, 1);
    assert_eq!(h.get(held).await.lease_count, 0);
    assert_eq!(h.get(other).await.lease_count, 1);
}
