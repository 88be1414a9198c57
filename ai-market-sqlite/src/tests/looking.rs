//! Claims that have to look far, after the store was opened again by a market that remembers
//! nothing.

use ai_market_core::id::TaskId;
use ai_market_core::market::{LeaseScope, Market, Release};
use futures_util::future::join_all;

use super::fixture::{Place, claim, insert, market, new_task, register, vote, worker};

async fn give_back(market: &Market, name: &str, tasks: Vec<TaskId>) {
    let back = Release::new(worker(name), LeaseScope::Named(tasks));
    market.release(back).await.unwrap();
}

/// Alice has answered all but every hundredth of the tasks, which are more than one group looks at.
async fn sparse(market: &Market, tasks: usize) -> Vec<TaskId> {
    register(market, &["alice", "bob"]).await;
    let created = market.insert(insert((0..tasks).map(|_| new_task(0))));
    let created = created.await.unwrap().len();
    let mut kept = Vec::new();
    let mut seen = 0;
    while seen < created {
        let ids = claim(market, "alice", 64).await;
        let (mut answered, mut held) = (Vec::new(), Vec::new());
        for id in ids {
            seen += 1;
            if seen % 100 == 0 {
                held.push(id);
            } else {
                answered.push(vote(id, "alice"));
            }
        }
        market.submit(answered).await.unwrap();
        kept.extend(held);
    }
    give_back(market, "alice", kept.clone()).await;
    kept
}

#[tokio::test]
async fn what_is_left_is_found_however_thinly_it_is_spread() {
    let place = Place::new();
    let left = sparse(&market(&place.open()), 5_000).await;
    let market = market(&place.open());
    let mut found = Vec::new();
    loop {
        let tasks = claim(&market, "alice", 64).await;
        if tasks.is_empty() {
            break;
        }
        found.extend(tasks);
    }
    assert_eq!(found, left);
}

#[tokio::test]
async fn claims_that_look_far_hold_nobody_up_for_ever() {
    let place = Place::new();
    let left = sparse(&market(&place.open()), 3_000).await;
    let market = market(&place.open());
    let far = claim(&market, "alice", 64);
    let near = join_all((0..20).map(|_| claim(&market, "bob", 64)));
    let (far, near) = tokio::join!(far, near);
    assert!(!far.is_empty() && left.starts_with(&far));
    assert!(!near[0].is_empty());
}
