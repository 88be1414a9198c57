//! Pages and counts.

use crate::conformance::harness::{Harness, at, new_task, number, task_type, vote, worker};
use crate::id::TaskId;
use crate::store::{LeaderboardQuery, StatsQuery, TaskPage, TaskQuery, WorkerQuery};
use crate::task::TaskStatus;

async fn all_pages(h: &Harness, query: TaskQuery) -> Vec<TaskId> {
    let mut ids = Vec::new();
    let mut page_query = query.clone();
    loop {
        let page = h.store.tasks(page_query).await.unwrap();
        assert!(page.tasks.len() <= query.limit);
        ids.extend(page.tasks.iter().map(|task| task.id));
        match page.tasks.last() {
            Some(last) if page.more => page_query = query.clone().after(last.id),
            Some(_) => return ids,
            None if ids.is_empty() && !page.more => return ids,
            None => panic!("a page without tasks after one that promised more"),
        }
    }
}

/// Pages follow one another without gap or overlap, also under a filter.
pub async fn tasks_are_paged_by_age_and_status(h: &Harness) {
    h.register(&["alice"], 0).await;
    let mut ids = Vec::new();
    for i in 0..10 {
        let kind = task_type(if i % 2 == 0 { "sentiment" } else { "ner" });
        let task = new_task("a", 1, i)
            .with_task_type(kind)
            .with_priority(-(i as i32));
        ids.push(h.put(task, i).await);
    }
    assert_eq!(all_pages(h, TaskQuery::new(3)).await, ids);
    assert_eq!(all_pages(h, TaskQuery::new(10)).await, ids);
    let none = h.store.tasks(TaskQuery::new(0)).await.unwrap();
    assert_eq!(none, TaskPage::default());
    let ner = TaskQuery::new(2).with_task_type(task_type("ner"));
    assert_eq!(
        all_pages(h, ner).await,
        [ids[1], ids[3], ids[5], ids[7], ids[9]]
    );
    h.answer("alice", "positive", 20).await;
    h.claim("alice", 1, 20).await;
    let with = |status| all_pages(h, TaskQuery::new(2).with_status(status));
    assert_eq!(with(TaskStatus::Finalized).await, [ids[0]]);
    assert_eq!(with(TaskStatus::Assigned).await, [ids[2]]);
    let failed = TaskQuery::new(2).with_status(TaskStatus::Failed);
    assert_eq!(h.store.tasks(failed).await.unwrap(), TaskPage::default());
    let mut queued = ids.clone();
    queued.remove(2);
    queued.remove(0);
    assert_eq!(with(TaskStatus::Queued).await, queued);
    let both = TaskQuery::new(2)
        .with_status(TaskStatus::Queued)
        .with_task_type(task_type("ner"));
    assert_eq!(
        all_pages(h, both).await,
        [ids[1], ids[3], ids[5], ids[7], ids[9]]
    );
    for status in TaskStatus::ALL.map(Some).into_iter().chain([None]) {
        for kind in [None, Some("sentiment"), Some("ner")] {
            let mut query = TaskQuery::new(2);
            query.status = status;
            query.task_type = kind.map(task_type);
            let mut newest_last = all_pages(h, query.clone().newest_first()).await;
            newest_last.reverse();
            assert_eq!(newest_last, all_pages(h, query).await);
        }
    }
    let full = h.store.tasks(TaskQuery::new(1)).await.unwrap().tasks;
    assert_eq!(
        full[0],
        h.get(ids[0]).await,
        "a page shows the same as the task itself"
    );
}

/// A page ends before the task that would be too much for it, and says that there are more; a task
/// that is too much for any page has one to itself.
pub async fn a_page_of_tasks_keeps_to_its_bytes(h: &Harness) {
    h.register(&["alice"], 0).await;
    let mut ids = Vec::new();
    for (second, text) in [
        "a".repeat(100),
        "b".repeat(100),
        "c".repeat(999),
        "d".into(),
    ]
    .iter()
    .enumerate()
    {
        let second = second as i64;
        ids.push(h.put(new_task(text, 1, second), second).await);
    }
    let size = TaskPage::size_of(&h.get(ids[0]).await);
    assert_eq!(size, 100 + "sentiment".len());
    let page = async |bytes: usize, after: Option<TaskId>| {
        let mut query = TaskQuery::new(9).with_max_bytes(bytes);
        query.after = after;
        let page = h.store.tasks(query).await.unwrap();
        let ids: Vec<_> = page.tasks.iter().map(|task| task.id).collect();
        (ids, page.more)
    };
    assert_eq!(page(2 * size, None).await, (ids[..2].to_vec(), true));
    assert_eq!(page(2 * size - 1, None).await, (ids[..1].to_vec(), true));
    assert_eq!(
        page(size, Some(ids[1])).await,
        (ids[2..3].to_vec(), true),
        "a large one alone"
    );
    assert_eq!(
        page(size, Some(ids[2])).await,
        (ids[3..].to_vec(), false),
        "the last one is the last"
    );
    assert_eq!(page(usize::MAX, None).await, (ids.clone(), false));
    for bytes in [0, size, 2 * size] {
        let query = TaskQuery::new(2).with_max_bytes(bytes);
        assert_eq!(all_pages(h, query.clone()).await, ids);
        let queued = query.with_status(TaskStatus::Queued);
        assert_eq!(all_pages(h, queued).await, ids);
    }
    // How a task ended counts as well.
    let long = "x".repeat(100);
    let id = h.claim("alice", 1, 9).await[0];
    h.submit(vote(id, "alice", &long, 0.9), 9).await;
    assert!(TaskPage::size_of(&h.get(id).await) > 2 * size - "sentiment".len());
    assert_eq!(page(2 * size, None).await, (ids[..1].to_vec(), true));
}

/// Most points first, then by name; who never voted is not on it.
pub async fn the_leaderboard_is_paged_by_points_and_name(h: &Harness) {
    h.register(&["eve", "dora", "carl", "bob", "alice"], 0)
        .await;
    for (round, right) in [["bob", "dora"], ["bob", "carl"]].into_iter().enumerate() {
        let id = h.task(3, round as i64).await;
        for (name, label) in [(right[0], "x"), (right[1], "x"), ("alice", "y")] {
            assert_eq!(h.claim(name, 1, round as i64).await, [id]);
            h.submit(vote(id, name, label, 0.9), round as i64).await;
        }
    }
    let expected: Vec<_> = [("bob", 2), ("carl", 1), ("dora", 1), ("alice", 0)]
        .map(|(name, points)| (name.to_owned(), points))
        .to_vec();
    assert_eq!(h.points().await, expected);
    let mut paged = Vec::new();
    let mut query = LeaderboardQuery::new(1);
    loop {
        let page = h.store.leaderboard(query).await.unwrap();
        let Some(standing) = page.first() else { break };
        paged.push((standing.worker.to_string(), standing.points));
        query = LeaderboardQuery::new(1).after(standing.points, standing.worker.clone());
    }
    assert_eq!(paged, expected);
    let first = h.store.leaderboard(LeaderboardQuery::new(1)).await.unwrap();
    assert_eq!(first[0].submissions, 2);
}

/// Workers are listed by name, with what they said of themselves.
pub async fn workers_are_paged_by_name(h: &Harness) {
    h.register(&["carole", "alice", "bob"], 3).await;
    h.register(&["bob"], 7).await;
    let page = h.store.workers(WorkerQuery::new(2)).await.unwrap();
    let names: Vec<_> = page.iter().map(|w| w.profile.worker.as_str()).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!((page[1].registered_at, page[1].last_seen), (at(3), at(7)));
    let rest = h
        .store
        .workers(WorkerQuery::new(2).after(worker("bob")))
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(
        h.store.worker(worker("carole")).await.unwrap().as_ref(),
        rest.first()
    );
}

/// Every task, vote and worker is counted once.
pub async fn stats_add_up(h: &Harness) {
    h.register(&["alice"], 0).await;
    for i in 0..6 {
        h.put(new_task("a", 1, i).with_max_attempts(number(2)), i)
            .await;
    }
    let lost = h.claim("alice", 1, 6).await;
    h.fail("alice", lost[0], "broken", 6).await;
    h.register(&["bob"], 50).await;
    assert_eq!(h.claim("bob", 1, 60).await, lost);
    h.fail("bob", lost[0], "broken", 60).await;
    h.answer("bob", "x", 61).await;
    h.answer("bob", "x", 61).await;
    h.claim("bob", 1, 62).await;
    h.put(new_task("a", 1, 9).with_task_type(task_type("ner")), 62)
        .await;
    let stats = h.store.stats(StatsQuery::new(at(30))).await.unwrap();
    let by_status = TaskStatus::ALL.map(|status| stats.tasks_in(status));
    assert_eq!(
        by_status,
        [3, 1, 2, 1, 0],
        "queued, assigned, finalized, failed, cancelled"
    );
    assert_eq!(
        stats.tasks.get(&(task_type("ner"), TaskStatus::Queued)),
        Some(&1)
    );
    assert_eq!((stats.tasks_total(), stats.submissions), (7, 2));
    assert_eq!(
        (stats.workers, stats.workers_stale),
        (2, 1),
        "alice was last seen at 6"
    );
    assert!(
        stats.tasks.values().all(|n| *n > 0),
        "empty counts are absent"
    );
}

/// Asking for what is not there is no error.
pub async fn what_is_not_there_is_none(h: &Harness) {
    assert_eq!(h.store.task(TaskId::generate(at(0))).await.unwrap(), None);
    assert_eq!(h.store.worker(worker("nobody")).await.unwrap(), None);
    assert!(
        h.store
            .workers(WorkerQuery::new(5))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        h.store
            .leaderboard(LeaderboardQuery::new(5))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(h.stats().await.tasks_total(), 0);
}
