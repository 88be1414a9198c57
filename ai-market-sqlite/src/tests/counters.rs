//! The counters say what counting would say.

use std::num::NonZeroU32;

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};

use ai_market_core::market::{LeaseScope, Reap, Release};

use super::fixture::{LEASE, Place, claim, insert, market, new_task, register, vote, worker};

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
    let market = market(&place.open());
    let names = ["alice", "bob", "carole"];
    register(&market, &names).await;
    let tasks = (0..40).map(|n| new_task(n).with_max_attempts(NonZeroU32::MIN));
    market.insert(insert(tasks)).await.unwrap();
    for round in 1..6 {
        place.at(round);
        for name in names {
            let tasks = claim(&market, name, 7).await;
            let (back, rest) = tasks.split_at(2);
            let back = Release::new(worker(name), LeaseScope::Named(back.to_vec()));
            market.release(back).await.unwrap();
            let votes = rest[1..].iter().map(|task| vote(*task, name)).collect();
            market.submit(votes).await.unwrap();
        }
        assert_books_balance(&place);
    }
    place.at(1_000);
    let reaped = market.reap(Reap::new(100, LEASE)).await.unwrap();
    assert!(reaped.lost > 0);
    assert_books_balance(&place);
    market.clear().await.unwrap();
    assert_books_balance(&place);
}
