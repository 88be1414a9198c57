//! What the store does with steps.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use ai_market_core::conformance::harness::task_id;
use ai_market_core::id::TaskType;
use ai_market_core::market::Insert;
use ai_market_core::store::{
    Addition, Counter, Needs, StatsQuery, StoreError, TaskStore, Transaction, Turn,
};
use ai_market_core::task::TaskStatus;
use futures_util::FutureExt;

use crate::support::{Coordinator, LockedRows, at, database, new_task, worker, write};

/// How many submissions are counted; a step under test adds one.
async fn count(store: &impl TaskStore) -> u64 {
    let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    stats.submissions
}

#[tokio::test]
async fn a_step_that_lacked_rows_is_run_again_and_done_once() {
    let (database, _clock) = database();
    let store = database.connect();
    let id = task_id(0);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let mut result = write(&store, Needs::new(), move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        tx.add(Addition::Count(&Counter::Submissions, 1))?;
        assert!(tx.task(id)?.is_none());
        assert!(tx.worker(&worker("alice"))?.is_none());
        Ok(Turn::Done)
    });
    result.try_recv().unwrap().unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3, "a task, then a worker");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_step_that_lacks_other_rows_at_every_run_fails() {
    let (database, _clock) = database();
    let store = database.connect();
    let mut result = write(&store, Needs::new(), |tx| {
        tx.add(Addition::Count(&Counter::Submissions, 1))?;
        tx.task(task_id(0))?;
        Ok(Turn::Done)
    });
    let error = result.try_recv().unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Failed(_)), "{error:?}");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_step_that_goes_on_keeps_what_it_wrote() {
    let (database, _clock) = database();
    let store = database.connect();
    let mut turns = 0;
    let mut result = write(&store, Needs::new(), move |tx| {
        tx.add(Addition::Count(&Counter::Submissions, 1))?;
        turns += 1;
        Ok(if turns < 100 { Turn::Again } else { Turn::Done })
    });
    result.try_recv().unwrap().unwrap();
    assert_eq!(count(&store).await, 100);
}

#[tokio::test]
async fn one_step_of_a_group_fails_alone() {
    let (database, _clock) = database();
    let store = database.connect().with_one_transaction();
    let hold = store.hold();
    let add = |tx: &mut dyn Transaction| tx.add(Addition::Count(&Counter::Submissions, 1));
    let mut good = write(&store, Needs::new(), move |tx| {
        add(tx)?;
        Ok(Turn::Done)
    });
    let mut bad = write(&store, Needs::new(), move |tx| {
        add(tx)?;
        Err(StoreError::failed("a test").into())
    });
    let mut panics = write(&store, Needs::new(), move |tx| {
        add(tx)?;
        std::panic::resume_unwind(Box::new("a test"))
    });
    drop(hold);
    good.try_recv().unwrap().unwrap();
    bad.try_recv().unwrap().unwrap_err();
    panics.try_recv().unwrap().unwrap_err();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_failed_commit_keeps_nothing() {
    let (database, _clock) = database();
    let store = database.connect().with_one_transaction();
    let hold = store.hold();
    store.fail_next_commit();
    let turns = [Turn::Done, Turn::Again].map(|turn| {
        write(&store, Needs::new(), move |tx| {
            tx.add(Addition::Count(&Counter::Submissions, 1))?;
            Ok(turn)
        })
    });
    drop(hold);
    for mut result in turns {
        let error = result.try_recv().unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_failed_commit_of_the_market_can_be_repeated() {
    let (database, _clock) = database();
    let coordinator = Coordinator::new(database.connect());
    let insert = Insert::new(vec![new_task(1)]);
    coordinator.store.fail_next_commit();
    let error = coordinator.market.insert(insert.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let id = insert.tasks[0].id;
    assert_eq!(coordinator.store.task(id).await.unwrap(), None);
    coordinator.market.insert(insert).await.unwrap();
    assert!(coordinator.store.task(id).await.unwrap().is_some());
}

#[tokio::test]
async fn steps_of_a_group_without_common_rows_commit_in_another_order() {
    let (database, _clock) = database();
    let store = database.connect();
    let order = Arc::new(Mutex::new(Vec::new()));
    let hold = store.hold();
    let results = ["alice", "bob"].map(|name| {
        let order = Arc::clone(&order);
        let needs = Needs::new().with_workers([worker(name)]);
        write(&store, needs, move |tx| {
            let open = tx.open_tasks()?;
            order.lock().unwrap().push((name, open));
            let open = Counter::Tasks(TaskType::sentiment(), TaskStatus::Queued);
            tx.add(Addition::Count(&open, 1))?;
            tx.put(b"last", name.as_bytes())?;
            Ok(Turn::Done)
        })
    });
    drop(hold);
    for mut result in results {
        result.try_recv().unwrap().unwrap();
    }
    let ran = order.lock().unwrap().clone();
    assert_eq!(ran, [("alice", 0), ("bob", 0)], "neither sees the other");
    let mut last = write(&store, Needs::new().with_everything(), |tx| {
        assert_eq!(tx.open_tasks()?, 2);
        assert_eq!(tx.get(b"last")?.unwrap(), b"alice", "she committed last");
        Ok(Turn::Done)
    });
    last.try_recv().unwrap().unwrap();
}

/// A step that needs a row which another client has locked waits for it, and sees what was written.
#[tokio::test]
async fn a_locked_row_is_waited_for() {
    let (database, _clock) = database();
    let needs = Needs::new().with_workers([worker("alice")]);
    let (entered, has_entered) = channel();
    let first = {
        let (store, needs) = (database.connect(), needs.clone());
        std::thread::spawn(move || {
            let mut result = write(&store, needs, move |tx| {
                tx.put(b"seen", b"yes")?;
                entered.send(()).unwrap();
                std::thread::yield_now();
                Ok(Turn::Done)
            });
            result.try_recv().unwrap().unwrap();
        })
    };
    has_entered.recv().unwrap();
    let all = needs.with_everything();
    let mut result = write(&database.connect(), all, |tx| {
        assert_eq!(tx.get(b"seen")?.unwrap(), b"yes");
        Ok(Turn::Done)
    });
    result.try_recv().unwrap().unwrap();
    first.join().unwrap();
}

#[tokio::test]
async fn another_row_is_not_waited_for() {
    let (database, _clock) = database();
    let alice = Needs::new().with_workers([worker("alice")]);
    let locked = LockedRows::new(database.connect(), alice);
    let coordinator = Coordinator::new(database.connect());
    coordinator.register(&["bob"]).await;
    drop(locked);
}

#[tokio::test]
async fn an_abandoned_step_is_not_run() {
    let (database, _clock) = database();
    let coordinator = Coordinator::new(database.connect());
    let hold = coordinator.store.hold();
    let insert = coordinator.market.insert(Insert::new(vec![new_task(1)]));
    assert!(insert.now_or_never().is_none());
    let before = database.round_trips();
    drop(hold);
    assert_eq!(database.round_trips(), before);
}
