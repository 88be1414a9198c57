//! What goes wrong takes with it what it must, and nothing else.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ai_market_core::conformance::FnStep;
use ai_market_core::market::InsertOutcome;
use ai_market_core::store::{Needs, Step, StoreError, TaskStore, Transaction};
use ai_market_core::store::{TransactionError, Turn};
use ai_market_core::task::NewTask;
use futures_util::future::{FutureExt, join_all};

use crate::SqliteStore;
use crate::error::Error;
use crate::writer::Session;

use super::counters::assert_books_balance;
use super::fixture::{Place, insert, insert_rows, market, new_task, profile, tasks};

/// Runs `fault` as a step of the store.
async fn inject(
    store: &SqliteStore,
    fault: impl FnMut(&mut Session) -> Result<(), Error> + Send + 'static,
) -> Result<(), StoreError> {
    store.with_session(fault).await
}

/// Holds the writer until the sender is dropped, so that what is queued meanwhile is one group.
pub(super) async fn hold(store: &SqliteStore) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (begun, wait) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let store = store.clone();
    let held = tokio::spawn(async move {
        let held = store.with_session(move |_| {
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
    let market = market(&store);
    market.insert(insert([new_task(0)])).await.unwrap();
    // SQLite takes the number of pages that there are for a smaller one.
    pages_at_most(&store, 1).await;
    let (release, held) = hold(&store).await;
    let full = join_all((1..9).map(|n| market.insert(insert([large(n)]))));
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
    let small = market.register(profile("alice"));
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
    market.insert(insert([large(1)])).await.unwrap();
    assert_eq!(tasks(&store).await, 2);
    assert_books_balance(&place);
}

#[tokio::test]
async fn what_was_rolled_back_takes_no_room() {
    let place = Place::new();
    let store = place.open();
    let put = |store: &SqliteStore, task: NewTask| {
        let (market, insert) = (market(store), insert([task]).with_max_open(3));
        async move { market.insert(insert).await.map(|outcomes| outcomes[0]) }
    };
    type Outcome = Result<InsertOutcome, StoreError>;
    let finds_room = |outcome: Outcome| matches!(outcome, Ok(InsertOutcome::Created(_)));
    let is_full = |outcome: Outcome| matches!(outcome, Ok(InsertOutcome::Full));
    assert!(finds_room(put(&store, new_task(0)).await));
    let violating = inject(&store, |session| {
        for n in 1..9 {
            insert_rows(session, new_task(n))?;
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
    let clearing = market(&store);
    let (cleared, many, ()) = tokio::join!(clearing.clear(), many, release);
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
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let good = market.insert(insert([new_task(0)]));
    let violating = inject(&store, |session| {
        insert_rows(session, new_task(1))?;
        Ok(session.db.script("UPDATE tasks SET state = 7;")?)
    });
    let panicking = inject(&store, |session| {
        insert_rows(session, new_task(2))?;
        panic!("on purpose")
    });
    let last = market.insert(insert([new_task(3)]));
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
    let market = market(&store);
    for fault in ["ROLLBACK;", "ROLLBACK; SELECT nonsense;"] {
        let (release, held) = hold(&store).await;
        let before = market.insert(insert([new_task(0)]));
        let gone = inject(&store, |session| Ok(session.db.script(fault)?));
        let after = market.register(profile("alice"));
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
    market.insert(insert([new_task(0)])).await.unwrap();
    assert_eq!(tasks(&store).await, 1);
    assert_books_balance(&place);
}

/// References that are checked only at the end make the commit itself fail.
#[tokio::test]
async fn a_commit_that_fails_fails_the_whole_group() {
    let place = Place::new();
    let store = place.open();
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let good = market.insert(insert([new_task(0)]));
    let dangling = inject(&store, |session| {
        let sql = "PRAGMA defer_foreign_keys = ON;
            INSERT INTO losses (task, worker, n) VALUES (x'00', 'nobody', 1);";
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
    let outcome = market.insert(insert([new_task(0)])).await.unwrap();
    assert!(matches!(outcome[..], [InsertOutcome::Created(_)]));
    assert_books_balance(&place);
}

/// A step that goes on in later groups, and counts what is done with it.
#[derive(Debug, Clone, Default)]
struct Endless {
    runs: Arc<AtomicUsize>,
    failures: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

impl Step for Endless {
    fn needs(&self) -> Needs {
        Needs::new()
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        let n = self.runs.fetch_add(1, Ordering::SeqCst);
        tx.put(b"runs", &[n as u8])?;
        Ok(Turn::Again)
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        if matches!(result, Err(StoreError::Unavailable(_))) {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        self.finished.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_step_that_would_go_on_fails_once_with_its_group() {
    let place = Place::new();
    let store = place.open();
    let step = Endless::default();
    let (release, held) = hold(&store).await;
    store.write(Box::new(step.clone()));
    let gone = inject(&store, |session| Ok(session.db.script("ROLLBACK;")?));
    let release = async { drop(release) };
    let (gone, ()) = tokio::join!(gone, release);
    held.await.unwrap();
    gone.unwrap_err();
    let runs = step.runs.load(Ordering::SeqCst);
    for n in 0..3 {
        market(&store).insert(insert([new_task(n)])).await.unwrap();
    }
    assert_eq!(
        step.runs.load(Ordering::SeqCst),
        runs,
        "it is not run again"
    );
    assert_eq!(step.failures.load(Ordering::SeqCst), 1);
    assert_eq!(step.finished.load(Ordering::SeqCst), 1);
    let written = store.with_session(|session| session.get(b"runs").map_err(Error::Step));
    assert_eq!(written.await.unwrap(), None);
    // Dropping the store would wait for a step that never ends; this one is finished.
    drop(store);
}

#[tokio::test]
async fn a_step_that_goes_on_keeps_what_it_wrote_and_lets_others_in() {
    let place = Place::new();
    let store = place.open();
    let mut turns = 0_u8;
    let (step, done) = FnStep::new(move |tx: &mut dyn Transaction| {
        let before = tx.get(b"turns")?.unwrap_or_default();
        assert_eq!(before.len(), usize::from(turns), "no turn was undone");
        turns += 1;
        tx.put(b"turns", &vec![0; usize::from(turns)])?;
        Ok((turns == 5).then_some(turns))
    });
    let (release, held) = hold(&store).await;
    store.write(Box::new(step));
    let market = market(&store);
    let other = market.insert(insert([new_task(0)]));
    let release = async { drop(release) };
    let (done, other, ()) = tokio::join!(done, other, release);
    held.await.unwrap();
    assert_eq!(done.unwrap().unwrap(), 5);
    other.unwrap();
}

#[tokio::test]
async fn a_step_that_panics_when_it_is_told_harms_nobody() {
    #[derive(Debug)]
    struct Panicking;

    impl Step for Panicking {
        fn needs(&self) -> Needs {
            Needs::new()
        }

        fn is_abandoned(&self) -> bool {
            false
        }

        fn run(&mut self, _tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
            Ok(Turn::Done)
        }

        fn finish(self: Box<Self>, _result: Result<(), StoreError>) {
            panic!("on purpose");
        }
    }

    let place = Place::new();
    let store = place.open();
    let market = market(&store);
    let (release, held) = hold(&store).await;
    store.write(Box::new(Panicking));
    let after = market.insert(insert([new_task(0)]));
    let release = async { drop(release) };
    let (after, ()) = tokio::join!(after, release);
    held.await.unwrap();
    after.unwrap();
    market.insert(insert([new_task(1)])).await.unwrap();
    assert_eq!(tasks(&store).await, 2);
}

#[tokio::test]
async fn another_programs_lock_is_waited_for_and_then_reported() {
    let place = Place::new();
    let options = place.options().with_busy_timeout(Duration::ZERO);
    let store = options.open(place.path()).unwrap();
    let market = market(&store);
    let mut other = place.connect();
    other.script("BEGIN IMMEDIATE;").unwrap();
    let outcome = market.insert(insert([new_task(0)])).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
    assert_eq!(tasks(&store).await, 0, "reads go on");
    other.script("COMMIT;").unwrap();
    market.insert(insert([new_task(0)])).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_turns_further_steps_away() {
    let place = Place::new();
    let options = place.options().with_queue(NonZeroUsize::MIN);
    let store = options.open(place.path()).unwrap();
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let mut waiting = Box::pin(market.insert(insert([new_task(0)])));
    assert!((&mut waiting).now_or_never().is_none());
    let turned_away = market.insert(insert([new_task(1)])).await;
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
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let dropped = market.insert(insert([new_task(0)])).now_or_never();
    assert!(dropped.is_none());
    let kept = market.insert(insert([new_task(1)]));
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
            let market = market(&store);
            let mut step = Box::pin(async move {
                let outcome = market.insert(insert([new_task(n)])).await;
                // The last of these drops the store while the rest of the queue waits.
                drop(market);
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

/// A step that owned the store would have the writing thread wait for itself.
#[tokio::test]
async fn the_last_market_can_be_dropped_while_its_steps_wait() {
    let place = Place::new();
    let store = place.open();
    let market = market(&store);
    let (release, held) = hold(&store).await;
    let mut waiting = Vec::new();
    for n in 0..20 {
        let market = market.clone();
        let mut step = Box::pin(async move { market.insert(insert([new_task(n)])).await });
        assert!((&mut step).now_or_never().is_none());
        waiting.push(step);
    }
    drop(waiting);
    // One whose caller does not leave.
    let (step, kept) = FnStep::new(|tx: &mut dyn Transaction| tx.put(b"kept", b"").map(Some));
    market.store().write(Box::new(step));
    held.abort();
    held.await.unwrap_err();
    let (dropped, ended) = mpsc::channel();
    thread::spawn(move || {
        drop((store, market));
        dropped.send(()).unwrap();
    });
    drop(release);
    let ended = tokio::task::spawn_blocking(move || ended.recv_timeout(Duration::from_secs(60)));
    ended.await.unwrap().unwrap();
    kept.await.unwrap().unwrap();
    assert_eq!(tasks(&place.open()).await, 0);
}
