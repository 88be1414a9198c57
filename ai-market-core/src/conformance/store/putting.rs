//! Putting tasks in.

use crate::conformance::desk::{Desk, at, new_task, task_type};
use crate::id::IdempotencyKey;
use crate::store::{InsertOutcome, TaskStore};
use crate::task::{TaskState, TaskStatus};

/// Each task of a batch has its own outcome, and is there afterwards.
pub async fn tasks_get_one_outcome_each_in_order(store: &dyn TaskStore) {
    let tasks: Vec<_> = (0..5)
        .map(|i| new_task(&format!("text {i}"), 3, 0))
        .collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let outcomes = store.insert(tasks, at(0)).await.unwrap();
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
    assert!(store.insert(Vec::new(), at(0)).await.unwrap().is_empty());
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
    let outcomes = store.insert(batch, at(0)).await.unwrap();
    assert_eq!(
        outcomes,
        [
            InsertOutcome::Created(id),
            InsertOutcome::Existing(id),
            InsertOutcome::Conflict(id),
            InsertOutcome::Conflict(id),
        ]
    );
    let again = store.insert(vec![keyed("a")], at(9)).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    assert_eq!(Desk::new(store).stats().await.tasks_total(), 1);
}

/// A caller that does not know whether its step was done may repeat it.
pub async fn putting_the_same_id_in_again_changes_nothing(store: &dyn TaskStore) {
    let task = new_task("a", 3, 0);
    let id = task.id;
    store.insert(vec![task.clone()], at(0)).await.unwrap();
    let again = store.insert(vec![task], at(5)).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    let desk = Desk::new(store);
    assert_eq!(desk.get(id).await.created_at, at(0));
    assert_eq!(desk.stats().await.tasks_total(), 1);
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
    store.clear().await.unwrap();
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
