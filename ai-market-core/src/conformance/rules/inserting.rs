//! Putting tasks in.

use crate::conformance::harness::{
    Harness, at, described_task, new_task, number, params, tags, task_type, vote,
};
use crate::id::IdempotencyKey;
use crate::market::{Insert, InsertOutcome};
use crate::store::TaskQuery;
use crate::task::{InputDigest, TaskState, TaskStatus};

/// Each task of a batch has its own outcome, and is there afterwards.
pub async fn tasks_get_one_outcome_each_in_order(h: &Harness) {
    let tasks: Vec<_> = (0..5)
        .map(|i| new_task(&format!("text {i}"), 3, 0))
        .collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let outcomes = h.at(0).insert(Insert::new(tasks)).await.unwrap();
    let expected: Vec<_> = ids.iter().map(|id| InsertOutcome::Created(*id)).collect();
    assert_eq!(outcomes, expected);
    for (i, id) in ids.into_iter().enumerate() {
        let task = h.store.task(id).await.unwrap().unwrap().task;
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
        h.at(0)
            .insert(Insert::new(Vec::new()))
            .await
            .unwrap()
            .is_empty()
    );
}

/// The key gives the first task back, unless the new one asks another thing.
pub async fn an_idempotency_key_names_one_task(h: &Harness) {
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
    let outcomes = h.at(0).insert(Insert::new(batch)).await.unwrap();
    assert_eq!(
        outcomes,
        [
            InsertOutcome::Created(id),
            InsertOutcome::Existing(id),
            InsertOutcome::Conflict(id),
            InsertOutcome::Conflict(id),
        ]
    );
    let again = h.at(9).insert(Insert::new(vec![keyed("a")])).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    assert_eq!(h.stats().await.tasks_total(), 1);
}

/// Other params are another thing; another reference and other tags are not.
pub async fn an_idempotency_key_tells_params_apart(h: &Harness) {
    let key = |name| IdempotencyKey::new(name).unwrap();
    let plain = || new_task("a", 1, 0).with_idempotency_key(key("plain"));
    let with = |json| {
        let task = new_task("a", 1, 0).with_idempotency_key(key("with"));
        task.with_params(params(json))
    };
    let (first, second) = (plain(), with(r#"{"a": 1, "b": 2}"#));
    let (plain_id, with_id) = (first.id, second.id);
    let batch = vec![
        first,
        plain().with_tags(tags(["x"])),
        plain().with_params(params("{}")),
        second,
        with(r#"{"b": 2, "a": 1}"#),
        with(r#"{"a": 1}"#),
        new_task("a", 1, 0).with_idempotency_key(key("with")),
    ];
    let outcomes = h.at(0).insert(Insert::new(batch)).await.unwrap();
    assert_eq!(
        outcomes,
        [
            InsertOutcome::Created(plain_id),
            InsertOutcome::Existing(plain_id),
            InsertOutcome::Conflict(plain_id),
            InsertOutcome::Created(with_id),
            InsertOutcome::Existing(with_id),
            InsertOutcome::Conflict(with_id),
            InsertOutcome::Conflict(with_id),
        ]
    );
    let task = h.store.task(plain_id).await.unwrap().unwrap().task;
    assert!(task.tags.is_empty() && task.params.is_none());
}

/// Params, reference, tags and the digest of the input come back, in pages as well.
pub async fn what_a_task_says_is_kept(h: &Harness) {
    h.register(&["alice"], 0).await;
    let new = described_task("a", 1, 0);
    let plain = new_task("b", 1, 1);
    let (id, plain_id) = (h.put(new.clone(), 0).await, h.put(plain, 1).await);
    for round in 0..2 {
        let task = h.get(id).await;
        assert_eq!(task.params, new.params);
        assert_eq!(task.reference, new.reference);
        assert_eq!(task.tags, new.tags);
        let digest = InputDigest::compute(new.salt, &new.task_type, "a", new.params.as_ref());
        assert_eq!(task.input_digest(), Some(digest));
        let page = h.store.tasks(TaskQuery::new(1)).await.unwrap();
        assert_eq!(page.tasks, [task]);
        if round == 0 {
            h.answer("alice", "positive", 2).await;
        }
    }
    let task = h.get(plain_id).await;
    assert_eq!((&task.params, &task.reference), (&None, &None));
    assert!(task.tags.is_empty());
    let digest = task.input_digest().expect("every new task has a digest");
    assert!(digest.verify(&task.task_type, "b", None));
    assert_ne!(digest.salt(), &new.salt);
}

/// A caller that does not know whether its step was done may repeat it.
pub async fn putting_the_same_id_in_again_changes_nothing(h: &Harness) {
    let task = new_task("a", 3, 0);
    let id = task.id;
    h.at(0)
        .insert(Insert::new(vec![task.clone()]))
        .await
        .unwrap();
    let again = h.at(5).insert(Insert::new(vec![task])).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(id)]);
    assert_eq!(h.get(id).await.created_at, at(0));
    assert_eq!(h.stats().await.tasks_total(), 1);
}

/// At the limit what would be new finds no place, and nothing is kept of it.
pub async fn no_more_tasks_are_open_than_may_be(h: &Harness) {
    h.register(&["alice"], 0).await;
    let put_with = |max_open: u64, count: usize| {
        let tasks = (0..count).map(|_| new_task("a", 1, 0)).collect();
        h.market.insert(Insert::new(tasks).with_max_open(max_open))
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
    assert_eq!(h.stats().await.tasks_total(), 3);
    // A lease does not close a task; a decision does.
    let held = h.claim("alice", 1, 1).await;
    assert_eq!(full(&put(1).await.unwrap()), 1);
    h.submit(vote(held[0], "alice", "positive", 0.9), 2).await;
    assert_eq!(full(&put(2).await.unwrap()), 1);
    assert_eq!(h.stats().await.tasks_total(), 4);
    // So does a failure.
    let failing = new_task("a", 1, 3).with_max_attempts(number(2));
    let failing = h.put(failing.with_priority(1), 3).await;
    assert_eq!(full(&put_with(4, 1).await.unwrap()), 1);
    h.register(&["bob"], 4).await;
    for name in ["alice", "bob"] {
        assert_eq!(h.claim(name, 1, 4).await, [failing]);
        h.fail(name, failing, "broken", 4).await;
    }
    assert_eq!(full(&put_with(4, 2).await.unwrap()), 1);
    // Also where there are more than may be by now, and where none may be.
    assert_eq!(full(&put(1).await.unwrap()), 1);
    assert_eq!(full(&put_with(0, 1).await.unwrap()), 1);
    h.at(1_000).clear().await.unwrap();
    assert_eq!(full(&put(4).await.unwrap()), 1);
}

/// Whoever repeats itself learns what became of its task, and a refused one does not use up its key.
pub async fn a_repeated_task_is_answered_when_there_is_no_room(h: &Harness) {
    h.register(&["alice"], 0).await;
    let key = |name| IdempotencyKey::new(name).unwrap();
    let keyed = |text, name| new_task(text, 1, 0).with_idempotency_key(key(name));
    let first = keyed("a", "first");
    let id = first.id;
    let put = |task| h.market.insert(Insert::new(vec![task]).with_max_open(1));
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
    assert_eq!(h.store.task(second.id).await.unwrap(), None);
    h.answer("alice", "positive", 1).await;
    let changed = keyed("c", "second");
    let id = changed.id;
    assert_eq!(put(changed).await.unwrap(), [InsertOutcome::Created(id)]);
}

/// Tasks, workers, votes, points and keys are all gone, and the store goes on.
pub async fn clearing_forgets_everything(h: &Harness) {
    let key = IdempotencyKey::new("k").unwrap();
    h.register(&["alice", "bob"], 0).await;
    h.put(new_task("a", 1, 0).with_idempotency_key(key.clone()), 0)
        .await;
    h.answer("alice", "positive", 1).await;
    h.task(2, 1).await;
    h.claim("bob", 1, 1).await;
    h.at(1_000).clear().await.unwrap();
    assert_eq!(h.stats().await, crate::store::StoreStats::default());
    assert!(h.points().await.is_empty());
    assert_eq!(
        h.store
            .worker(crate::conformance::harness::worker("alice"))
            .await
            .unwrap(),
        None
    );
    h.register(&["alice"], 1_001).await;
    assert!(h.claim("alice", 1, 1_001).await.is_empty());
    h.put(
        new_task("another", 1, 1_001).with_idempotency_key(key),
        1_001,
    )
    .await;
    h.answer("alice", "positive", 1_002).await;
    assert_eq!(h.points().await, [("alice".to_owned(), 1)]);
}
