//! Putting tasks in.

use crate::conformance::desk::{Desk, at, new_task, number, task_type, vote};
use crate::id::IdempotencyKey;
use crate::store::{Insert, InsertOutcome, TaskStore};
use crate::task::{TaskState, TaskStatus};

/// Each task of a batch has its own outcome, and is there afterwards.
pub async fn tasks_get_one_outcome_each_in_order(store: &dyn TaskStore) {
    let tasks: Vec<_> = (0..5)
        .map(|i| new_task(&format!("text {i}"), 3, 0))
        .collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let outcomes = store.insert(Insert::new(tasks, at(0))).await.unwrap();
    let expected: Vec<_> = ids.iter().map(|id| InsertOutcome::Created(*id)).collect();
    assert_eq!(outcomes, expected);
    for (i, id) in ids.into_iter().enumerate() {
        let task = store.task(id).await.unwrap().unwrap().task;
        assert_eq!(&*task.text, format!("text {i}"));
        assert_eq!(
            (task.created_at, task.status()),
            (at(0), TaskStatus::Queued)
        );
        assert_eq!(
            (task.submission_count, task.lease_count, task.attempts),
            (0, 0, 0)
        );
        assert_eq!(task.state, TaskState::Open);
    }
    assert!(
        store
            .insert(Insert::new(Vec::new(), at(0)))
            .await
            .unwrap()
            .is_empty()
    );
}

/// The key gives the first task back, unless the new one asks another thing.
pub async fn an_idempotency_key_names_one_task(store: &dyn TaskStore) {
    let key = IdempotencyKey::new("order 7").unwrap();
    let keyed = |text| new_task(text, 3, 0).with_idempotency_key(key.clone());
    let first = keyed("a");
    let id = first.id;
    let batch = vec![
        first,
        keyed("a"),
        keyed("b"),
        keyed("a").with_task_type(task_type("ner")),
    ];
    let outcomes = store.insert(Insert::new(batch, at(0))).await.unwrap();
    assert_eq!(
        outcomes,
        [
            InsertOutcome::Created(id),
            InsertOutcome::Existing(id),
            InsertOutcome::Conflict(id),
            InsertOutcome::Conflict(id),
        ]
    );
    let again = store
        .insert(Insert::new(vec![keyed("a")], at(9)))
        .await
        .unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    assert_eq!(Desk::new(store).stats().await.tasks_total(), 1);
}

/// A caller that does not know whether its step was done may repeat it.
pub async fn putting_the_same_id_in_again_changes_nothing(store: &dyn TaskStore) {
    let task = new_task("a", 3, 0);
    let id = task.id;
    store
        .insert(Insert::new(vec![task.clone()], at(0)))
        .await
        .unwrap();
    let again = store.insert(Insert::new(vec![task], at(5))).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    let desk = Desk::new(store);
    assert_eq!(desk.get(id).await.created_at, at(0));
    assert_eq!(desk.stats().await.tasks_total(), 1);
}

/// At the limit what would be new finds no place, and nothing is kept of it.
pub async fn no_more_tasks_are_open_than_may_be(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let put_with = |max_open: u64, count: usize| {
        let tasks = (0..count).map(|_| new_task("a", 1, 0)).collect();
        store.insert(Insert::new(tasks, at(0)).with_max_open(max_open))
    };
    let put = |count| put_with(3, count);
    let full = |outcomes: &[InsertOutcome]| {
        let full = outcomes.iter().filter(|o| **o == InsertOutcome::Full);
        full.count()
    };
    // Across batches, and within one: the first ones find a place.
    assert_eq!(full(&put(2).await.unwrap()), 0);
    let outcomes = put(3).await.unwrap();
    assert!(matches!(outcomes[0], InsertOutcome::Created(_)));
    assert_eq!(full(&outcomes[1..]), 2);
    assert_eq!(full(&put(1).await.unwrap()), 1);
    assert_eq!(desk.stats().await.tasks_total(), 3);
    // A lease does not close a task; a decision does.
    let held = desk.claim("alice", 1, 1).await;
    assert_eq!(full(&put(1).await.unwrap()), 1);
    desk.submit(vote(held[0], "alice", "positive", 0.9), 2)
        .await;
    assert_eq!(full(&put(2).await.unwrap()), 1);
    assert_eq!(desk.stats().await.tasks_total(), 4);
    // So does a failure.
    let failing = new_task("a", 1, 3).with_max_attempts(number(1));
    let failing = desk.put(failing.with_priority(1), 3).await;
    assert_eq!(full(&put_with(4, 1).await.unwrap()), 1);
    assert_eq!(desk.claim("alice", 1, 4).await, [failing]);
    desk.fail("alice", failing, "broken", 4).await;
    assert_eq!(full(&put_with(4, 2).await.unwrap()), 1);
    // Also where there are more than may be by now, and where none may be.
    assert_eq!(full(&put(1).await.unwrap()), 1);
    assert_eq!(full(&put_with(0, 1).await.unwrap()), 1);
    store.clear(at(1_000)).await.unwrap();
    assert_eq!(full(&put(4).await.unwrap()), 1);
}

/// Whoever repeats itself learns what became of its task, and a refused one does not use up its key.
pub async fn a_repeated_task_is_answered_when_there_is_no_room(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice"], 0).await;
    let key = |name| IdempotencyKey::new(name).unwrap();
    let keyed = |text, name| new_task(text, 1, 0).with_idempotency_key(key(name));
    let first = keyed("a", "first");
    let id = first.id;
    let put = |task| store.insert(Insert::new(vec![task], at(0)).with_max_open(1));
    assert_eq!(
        put(first.clone()).await.unwrap(),
        [InsertOutcome::Created(id)]
    );
    assert_eq!(put(first).await.unwrap(), [InsertOutcome::Existing(id)]);
    let again = keyed("a", "first");
    assert_eq!(put(again).await.unwrap(), [InsertOutcome::Existing(id)]);
    let other = keyed("b", "first");
    assert_eq!(put(other).await.unwrap(), [InsertOutcome::Conflict(id)]);
    let second = keyed("b", "second");
    assert_eq!(put(second.clone()).await.unwrap(), [InsertOutcome::Full]);
    assert_eq!(store.task(second.id).await.unwrap(), None);
    desk.answer("alice", "positive", 1).await;
    let changed = keyed("c", "second");
    let id = changed.id;
    assert_eq!(put(changed).await.unwrap(), [InsertOutcome::Created(id)]);
}

/// Tasks, workers, votes, points and keys are all gone, and the store goes on.
pub async fn clearing_forgets_everything(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let key = IdempotencyKey::new("k").unwrap();
    desk.register(&["alice", "bob"], 0).await;
    desk.put(new_task("a", 1, 0).with_idempotency_key(key.clone()), 0)
        .await;
    desk.answer("alice", "positive", 1).await;
    desk.task(2, 1).await;
    desk.claim("bob", 1, 1).await;
    store.clear(at(1_000)).await.unwrap();
    assert_eq!(desk.stats().await, crate::store::StoreStats::default());
    assert!(desk.points().await.is_empty());
    assert_eq!(
        store
            .worker(crate::conformance::desk::worker("alice"))
            .await
            .unwrap(),
        None
    );
    desk.register(&["alice"], 2).await;
    assert!(desk.claim("alice", 1, 2).await.is_empty());
    desk.put(new_task("another", 1, 2).with_idempotency_key(key), 2)
        .await;
    desk.answer("alice", "positive", 3).await;
    assert_eq!(desk.points().await, [("alice".to_owned(), 1)]);
}
