//! What is known of workers outlives the process.

use crate::conformance::desk::{Desk, at, profile, vote, worker};
use crate::conformance::store::durability::Reopen;
use crate::store::{
    Claim, Claimed, Ruling, StandingChange, StandingStore, TallyBy, TallyQuery, TallyStore,
    TaskStore,
};
use crate::submission::ModelIdentity;

/// Tallies, standings and their reasons, models, and who is gone.
pub async fn tallies_and_standings_are_there_again(reopen: &dyn Reopen) {
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    let model = ModelIdentity::new("m").unwrap();
    store
        .register(profile("alice").with_model(model), at(0))
        .await
        .unwrap();
    desk.register(&["bob"], 0).await;
    let id = desk.task(2, 0).await;
    for (name, label) in [("alice", "x"), ("bob", "y")] {
        desk.claim(name, 1, 1).await;
        desk.submit(vote(id, name, label, 0.9), 3).await;
    }
    let change = StandingChange::new(worker("bob"), Ruling::Suspend("spam".to_owned()), at(4));
    store.set_standing(change).await.unwrap();
    let query = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, 99);
    let tallies = store.tallies(query.clone()).await.unwrap();
    assert_eq!(tallies.len(), 2);
    let workers = [worker("alice"), worker("bob")];
    let mut before = Vec::new();
    for id in &workers {
        before.push(store.worker(id.clone()).await.unwrap());
    }
    drop(desk);
    drop(store);

    let store = reopen.open().await;
    assert_eq!(store.tallies(query).await.unwrap(), tallies);
    for (id, before) in workers.into_iter().zip(before) {
        assert_eq!(store.worker(id).await.unwrap(), before);
    }
    let claim = Claim::new(worker("bob"), crate::conformance::desk::LEASE, at(5));
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed, Claimed::Suspended("spam".to_owned()));
}
