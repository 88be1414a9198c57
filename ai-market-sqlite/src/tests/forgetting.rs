//! What is remembered between steps never tells of a step that was rolled back.

use ai_market_core::consensus::Policies;
use ai_market_core::id::TaskId;
use ai_market_core::store::{
    Claim, Claimed, Effects, Insert, Progress, Ruling, StandingChange, StatsQuery, SubmitOutcome,
    TaskStore, WorkerProfile,
};
use ai_market_core::submission::ModelIdentity;

use crate::SqliteStore;
use crate::error::Error;
use crate::writer::Session;

use super::counters::assert_books_balance;
use super::faults::hold;
use super::fixture::{LEASE, Place, at, new_task, sentiment, vote, worker};

fn claim(name: &str) -> Claim {
    Claim::new(worker(name), LEASE, at(1))
}

fn profile(name: &str) -> WorkerProfile {
    let model = ModelIdentity::new("m").unwrap();
    WorkerProfile::new(worker(name), sentiment()).with_model(model)
}

/// A market with two tasks for one vote each, in which alice is known and dave is not.
async fn market(store: &SqliteStore) -> [TaskId; 2] {
    store.register(profile("alice"), at(0)).await.unwrap();
    let one = std::num::NonZeroU32::MIN;
    let tasks = [0, 1].map(|n| new_task(n).with_required_submissions(one));
    let ids = [tasks[0].id, tasks[1].id];
    store
        .insert(Insert::new(tasks.into(), at(0)))
        .await
        .unwrap();
    ids
}

/// Everything that leaves a trace in memory.
fn everything(session: &mut Session, [_, id]: [TaskId; 2]) -> Result<(), Error> {
    session.claim(&claim("alice"), true)?;
    session.register(&profile("dave"), at(1))?;
    session.claim(&claim("dave"), true)?;
    let policies = Policies::default();
    let mut effects = Effects::default();
    let outcome = session.submit(&vote(id, "dave"), &policies, at(1), &mut effects)?;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
    let ruling = Ruling::Suspend("why".to_owned());
    session.rule(&StandingChange::new(profile("alice").worker, ruling, at(1)))?;
    Ok(())
}

/// The market is as if nothing had been tried, and goes on.
async fn assert_nothing_happened(place: &Place, store: &SqliteStore, ids: [TaskId; 2]) {
    assert_books_balance(place);
    let claimed = store.claim(claim("dave")).await.unwrap();
    assert_eq!(claimed, Claimed::UnknownWorker);
    store.register(profile("dave"), at(1)).await.unwrap();
    for name in ["alice", "dave"] {
        let claim = claim(name).with_limit(2);
        let Claimed::Assigned(tasks) = store.claim(claim).await.unwrap() else {
            panic!("{name} is registered");
        };
        assert_eq!(tasks.len(), if name == "alice" { 2 } else { 0 }, "{name}");
    }
    let [id, _] = ids;
    let votes = vec![vote(id, "alice")];
    let submitted = store.submit(votes, &Policies::default(), at(2)).await;
    let finalized = SubmitOutcome::Accepted(Progress::Finalized);
    assert_eq!(submitted.unwrap().outcomes, [finalized]);
    let model = store.task(id).await.unwrap().unwrap().submissions[0]
        .model
        .clone();
    assert_eq!(model.unwrap().id(), "m");
    assert_eq!(
        store
            .stats(StatsQuery::new(at(0)))
            .await
            .unwrap()
            .submissions,
        1
    );
    assert_books_balance(place);
}

#[tokio::test]
async fn a_step_that_failed_alone_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    let ids = market(&store).await;
    let tried = store.write(move |session| {
        everything(session, ids)?;
        Err::<(), _>(Error::Panicked)
    });
    tried.await.unwrap_err();
    assert_nothing_happened(&place, &store, ids).await;
}

#[tokio::test]
async fn a_group_that_failed_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    let ids = market(&store).await;
    let (release, held) = hold(&store).await;
    let tried = store.write(move |session| everything(session, ids));
    let broken = store.write(|session| Ok(session.db.script("ROLLBACK;")?));
    let release = async { drop(release) };
    let (tried, broken, ()) = tokio::join!(tried, broken, release);
    held.await.unwrap();
    tried.unwrap_err();
    broken.unwrap_err();
    assert_nothing_happened(&place, &store, ids).await;
}

#[tokio::test]
async fn clearing_forgets_what_its_own_group_did_before() {
    let place = Place::new();
    let store = place.open();
    market(&store).await;
    let (release, held) = hold(&store).await;
    let before = store.insert(Insert::new(vec![new_task(2)], at(2)));
    let clear = store.clear(at(1_000));
    let after = store.insert(Insert::new(vec![new_task(3)], at(3)));
    let release = async { drop(release) };
    let (before, clear, after, ()) = tokio::join!(before, clear, after, release);
    held.await.unwrap();
    before.unwrap();
    clear.unwrap();
    after.unwrap();
    let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    assert_eq!((stats.tasks_total(), stats.workers), (1, 0));
    assert_books_balance(&place);
}
