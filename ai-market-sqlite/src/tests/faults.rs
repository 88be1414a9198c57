//! What goes wrong takes with it what it must, and nothing else.

use std::num::NonZeroUsize;
use std::sync::mpsc;

use ai_market_core::store::{
    Insert, InsertOutcome, StatsQuery, StoreError, TaskStore, WorkerProfile,
};
use ai_market_core::task::NewTask;
use futures_util::future::{FutureExt, join_all};

use crate::SqliteOptions;
use crate::SqliteStore;
use crate::error::Error;
use crate::writer::Session;

use super::counters::assert_books_balance;
use super::fixture::{Place, at, new_task, sentiment, worker};

/// Runs `fault` as a step of the store.
async fn inject(
    store: &SqliteStore,
    fault: impl FnMut(&mut Session) -> Result<(), Error> + Send + 'static,
) -> Result<(), StoreError> {
    store.write(fault).await
}

/// Holds the writer until the sender is dropped, so that what is queued meanwhile is one group.
pub(super) async fn hold(store: &SqliteStore) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (begun, wait) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let store = store.clone();
    let held = tokio::spawn(async move {
        let held = store.write(move |_| {
            begun.send(()).unwrap();
            let _ = released.recv();
            Ok(())
        });
        held.await.unwrap();
    });
    tokio::task::spawn_blocking(move || wait.recv().unwrap())
        .await
        .unwrap();
    (release, held)
}

async fn tasks(store: &SqliteStore) -> u64 {
    let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    stats.tasks_total()
}

fn large(seconds: i64) -> NewTask {
    NewTask::new(new_task(seconds).id, "x".repeat(100_000))
}

async fn pages_at_most(store: &SqliteStore, pages: u32) {
    let sql = format!("PRAGMA max_page_count = {pages};");
    inject(store, move |session| Ok(session.db.script(&sql)?))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_what_is_being_written_and_nothing_later() {
    let place = Place::new();
    let store = place.open();
    store
        .insert(Insert::new(vec![new_task(0)], at(0)))
        .await
        .unwrap();
    // SQLite takes the number of pages that there are for a smaller one.
    pages_at_most(&store, 1).await;
    let (release, held) = hold(&store).await;
    let full = join_all((1..9).map(|n| store.insert(Insert::new(vec![large(n)], at(n)))));
    let full = async {
        let outcomes = full.await;
        for outcome in outcomes {
            assert!(
                matches!(outcome, Err(StoreError::Unavailable(_))),
                "{outcome:?}"
            );
        }
    };
    // It needs no new page, but it is of the same group, whose transaction SQLite gives up.
    let small = store.register(WorkerProfile::new(worker("alice"), sentiment()), at(0));
    let release = async { drop(release) };
    let (small, (), ()) = tokio::join!(small, full, release);
    assert!(
        matches!(small, Err(StoreError::Unavailable(_))),
        "{small:?}"
    );
    held.await.unwrap();
    assert_eq!(tasks(&store).await, 1);
    assert_books_balance(&place);
    pages_at_most(&store, 1 << 20).await;
    store
        .insert(Insert::new(vec![large(1)], at(1)))
        .await
        .unwrap();
    assert_eq!(tasks(&store).await, 2);
    assert_books_balance(&place);
}

#[tokio::test]
async fn what_was_rolled_back_takes_no_room() {
    let place = Place::new();
    let store = place.open();
    let put = |store: &SqliteStore, task: NewTask| {
        let store = store.clone();
        let insert = Insert::new(vec![task], at(0)).with_max_open(3);
        async move { store.insert(insert).await.map(|outcomes| outcomes[0]) }
    };
    type Outcome = Result<InsertOutcome, StoreError>;
    let finds_room = |outcome: Outcome| matches!(outcome, Ok(InsertOutcome::Created(_)));
    let is_full = |outcome: Outcome| matches!(outcome, Ok(InsertOutcome::Full));
    assert!(finds_room(put(&store, new_task(0)).await));
    let violating = inject(&store, |session| {
        for n in 1..9 {
            session.insert(&new_task(n), u64::MAX, at(n))?;
        }
        Ok(session.db.script("UPDATE tasks SET state = 7;")?)
    });
    violating.await.unwrap_err();
    assert!(finds_room(put(&store, new_task(10)).await));
    pages_at_most(&store, 1).await;
    put(&store, large(11)).await.unwrap_err();
    pages_at_most(&store, 1 << 20).await;
    drop(store);

    let store = place.open();
    assert!(finds_room(put(&store, new_task(12)).await));
    assert!(is_full(put(&store, new_task(13)).await));
    // Within one group, too.
    let (release, held) = hold(&store).await;
    let many = join_all((20..29).map(|n| put(&store, new_task(n))));
    let release = async { drop(release) };
    let (cleared, many, ()) = tokio::join!(store.clear(at(1_000)), many, release);
    held.await.unwrap();
    cleared.unwrap();
    let found = many.into_iter().map(finds_room);
    assert_eq!(found.filter(|found| *found).count(), 3);
    assert!(is_full(put(&store, new_task(30)).await));
    assert_books_balance(&place);
}

#[tokio::test]
async fn a_step_that_fails_alone_leaves_the_others_of_its_group() {
    let place = Place::new();
    let store = place.open();
    let (release, held) = hold(&store).await;
    let good = store.insert(Insert::new(vec![new_task(0)], at(0)));
    let violating = inject(&store, |session| {
        session.insert(&new_task(1), u64::MAX, at(1))?;
        Ok(session.db.script("UPDATE tasks SET state = 7;")?)
    });
    let panicking = inject(&store, |session| {
        session.insert(&new_task(2), u64::MAX, at(2))?;
        panic!("on purpose")
    });
    let last = store.insert(Insert::new(vec![new_task(3)], at(3)));
    let release = async { drop(release) };
    let (good, violating, panicking, last, ()) =
        tokio::join!(good, violating, panicking, last, release);
    held.await.unwrap();
    assert!(matches!(good.unwrap()[..], [InsertOutcome::Created(_)]));
    assert!(matches!(violating, Err(StoreError::Failed(_))));
    assert!(matches!(panicking, Err(StoreError::Failed(_))));
    assert!(matches!(last.unwrap()[..], [InsertOutcome::Created(_)]));
    assert_eq!(tasks(&store).await, 2);
    assert_books_balance(&place);
}

/// As SQLite does by itself after some I/O errors.
#[tokio::test]
async fn a_transaction_that_is_gone_fails_the_whole_group() {
    let place = Place::new();
    let store = place.open();
    for fault in ["ROLLBACK;", "ROLLBACK; SELECT nonsense;"] {
        let (release, held) = hold(&store).await;
        let before = store.insert(Insert::new(vec![new_task(0)], at(0)));
        let gone = inject(&store, |session| Ok(session.db.script(fault)?));
        let profile = WorkerProfile::new(worker("alice"), sentiment());
        let after = store.register(profile, at(0));
        let release = async { drop(release) };
        let (before, gone, after, ()) = tokio::join!(before, gone, after, release);
        held.await.unwrap();
        assert!(
            matches!(before, Err(StoreError::Unavailable(_))),
            "{before:?}"
        );
        assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
        assert!(
            matches!(after, Err(StoreError::Unavailable(_))),
            "{after:?}"
        );
        assert_eq!(tasks(&store).await, 0);
    }
    store
        .insert(Insert::new(vec![new_task(0)], at(0)))
        .await
        .unwrap();
    assert_eq!(tasks(&store).await, 1);
    assert_books_balance(&place);
}

/// References that are checked only at the end make the commit itself fail.
#[tokio::test]
async fn a_commit_that_fails_fails_the_whole_group() {
    let place = Place::new();
    let store = place.open();
    let (release, held) = hold(&store).await;
    let good = store.insert(Insert::new(vec![new_task(0)], at(0)));
    let dangling = inject(&store, |session| {
        let sql = "PRAGMA defer_foreign_keys = ON;
            INSERT INTO losses VALUES (x'00', 'nobody', 1);";
        Ok(session.db.script(sql)?)
    });
    let release = async { drop(release) };
    let (good, dangling, ()) = tokio::join!(good, dangling, release);
    held.await.unwrap();
    assert!(matches!(good, Err(StoreError::Unavailable(_))), "{good:?}");
    assert!(
        matches!(dangling, Err(StoreError::Unavailable(_))),
        "{dangling:?}"
    );
    let outcome = store
        .insert(Insert::new(vec![new_task(0)], at(0)))
        .await
        .unwrap();
    assert!(matches!(outcome[..], [InsertOutcome::Created(_)]));
    assert_books_balance(&place);
}

#[tokio::test]
async fn another_programs_lock_is_waited_for_and_then_reported() {
    let place = Place::new();
    let options = SqliteOptions::new().with_busy_timeout(std::time::Duration::ZERO);
    let store = options.open(place.path()).unwrap();
    let mut other = place.connect();
    other.script("BEGIN IMMEDIATE;").unwrap();
    let outcome = store.insert(Insert::new(vec![new_task(0)], at(0))).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
    assert_eq!(tasks(&store).await, 0, "reads go on");
    other.script("COMMIT;").unwrap();
    store
        .insert(Insert::new(vec![new_task(0)], at(0)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_queue_turns_further_steps_away() {
    let place = Place::new();
    let options = SqliteOptions::new().with_queue(NonZeroUsize::MIN);
    let store = options.open(place.path()).unwrap();
    let (release, held) = hold(&store).await;
    let mut waiting = store.insert(Insert::new(vec![new_task(0)], at(0)));
    assert!((&mut waiting).now_or_never().is_none());
    let turned_away = store.insert(Insert::new(vec![new_task(1)], at(1))).await;
    assert!(matches!(turned_away, Err(StoreError::Overloaded)));
    drop(release);
    held.await.unwrap();
    waiting.await.unwrap();
    assert_eq!(tasks(&store).await, 1);
}

#[tokio::test]
async fn a_step_whose_caller_is_gone_before_it_begins_is_not_done() {
    let place = Place::new();
    let store = place.open();
    let (release, held) = hold(&store).await;
    let dropped = store
        .insert(Insert::new(vec![new_task(0)], at(0)))
        .now_or_never();
    assert!(dropped.is_none());
    let kept = store.insert(Insert::new(vec![new_task(1)], at(1)));
    let release = async { drop(release) };
    let (kept, ()) = tokio::join!(kept, release);
    kept.unwrap();
    held.await.unwrap();
    assert_eq!(tasks(&store).await, 1);
}

#[tokio::test]
async fn what_waits_when_the_store_is_dropped_is_done() {
    let place = Place::new();
    let store = place.open();
    let (release, held) = hold(&store).await;
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            let mut step = Box::pin(async move {
                let outcome = store.insert(Insert::new(vec![new_task(n)], at(n))).await;
                // The last of these drops the store while the rest of the queue waits.
                drop(store);
                outcome
            });
            assert!((&mut step).now_or_never().is_none());
            step
        })
        .collect();
    drop(store);
    drop(release);
    held.await.unwrap();
    for outcome in join_all(waiting).await {
        outcome.unwrap();
    }
    assert_eq!(tasks(&place.open()).await, 20);
}
