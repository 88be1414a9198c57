//! The counters say what counting would say.

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};

use ai_market_core::consensus::Policies;
use ai_market_core::store::{
    Claim, Claimed, Insert, LeaseScope, Reap, Release, TaskStore, WorkerProfile,
};

use super::fixture::{LEASE, Place, at, new_task, sentiment, vote, worker};

#[derive(QueryableByName)]
struct Difference {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Everything that the schema cannot state: one line for each thing that is wrong.
const WRONG: &str = include_str!("../../tests/books.sql");

pub(super) fn assert_books_balance(place: &Place) {
    let mut db = place.connect();
    let wrong: Vec<Difference> = diesel::sql_query(WRONG).load(db.diesel()).unwrap();
    let wrong: Vec<_> = wrong.into_iter().map(|row| (row.what, row.n)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn counters_are_what_counting_says() {
    let place = Place::new();
    let store = place.open();
    let policies = Policies::default();
    for name in ["alice", "bob", "carole"] {
        let profile = WorkerProfile::new(worker(name), sentiment());
        store.register(profile, at(0)).await.unwrap();
    }
    let tasks = (0..40).map(|n| new_task(n).with_max_attempts(std::num::NonZeroU32::MIN));
    store
        .insert(Insert::new(tasks.collect(), at(0)))
        .await
        .unwrap();
    for round in 1..6 {
        for name in ["alice", "bob", "carole"] {
            let claim = Claim::new(worker(name), LEASE, at(round)).with_limit(7);
            let Claimed::Assigned(tasks) = store.claim(claim).await.unwrap() else {
                panic!("{name} is registered");
            };
            let (back, rest) = tasks.split_at(2);
            let back = back.iter().map(|task| task.task).collect();
            let back = Release::new(worker(name), LeaseScope::Named(back), at(round));
            store.release(back).await.unwrap();
            let votes = rest[1..].iter().map(|task| vote(task.task, name)).collect();
            store.submit(votes, &policies, at(round)).await.unwrap();
        }
        assert_books_balance(&place);
    }
    let reap = Reap::new(at(1_000), 100, LEASE);
    let reaped = store.reap(reap, &policies).await.unwrap();
    assert!(reaped.lost > 0);
    assert_books_balance(&place);
    store.clear(at(1_000)).await.unwrap();
    assert_books_balance(&place);
}
