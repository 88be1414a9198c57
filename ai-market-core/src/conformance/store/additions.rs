//! Additions sum up, in whatever order they come, and never fail.

use std::time::Duration;

use super::words::{insert_people, person};
use crate::conformance::harness::{Harness, at, label, task_type, worker};
use crate::consensus::{FractionalCount, RecordChange, TrackRecord};
use crate::id::TaskType;
use crate::store::{
    Addition, Counter, LeaderboardQuery, StatsQuery, StoreStats, Tally, TallyBy, TallyGroup,
    TallyQuery, Transaction, TransactionError,
};
use crate::submission::ModelIdentity;
use crate::task::TaskStatus;

/// Counters of tasks, workers and votes; what comes to zero is not shown.
pub async fn counters_add_up(h: &Harness) {
    let counts = |open: i64| {
        let (sentiment, ner) = (TaskType::sentiment(), task_type("ner"));
        [
            (Counter::Tasks(sentiment.clone(), TaskStatus::Queued), open),
            (Counter::Tasks(sentiment.clone(), TaskStatus::Finalized), 2),
            (Counter::Tasks(ner.clone(), TaskStatus::Queued), 1),
            (Counter::Tasks(ner.clone(), TaskStatus::Assigned), 7),
            (Counter::Tasks(ner.clone(), TaskStatus::Assigned), -7),
            (Counter::Claimable(sentiment.clone(), 3), 4),
            (Counter::Claimable(sentiment.clone(), 2), 5),
            (Counter::Claimable(ner, 1), 6),
            (Counter::Capable(sentiment), 1),
            (Counter::Submissions, 10),
            (Counter::Workers, 2),
        ]
    };
    for open in [5, -3] {
        h.run(move |tx| {
            for (counter, by) in counts(open) {
                tx.add(Addition::Count(&counter, by))?;
            }
            Ok(())
        })
        .await;
    }
    let mut expected = StoreStats::default();
    let of = |of: TaskType, status| (of, status);
    expected
        .tasks
        .insert(of(TaskType::sentiment(), TaskStatus::Queued), 2);
    expected
        .tasks
        .insert(of(TaskType::sentiment(), TaskStatus::Finalized), 4);
    expected
        .tasks
        .insert(of(task_type("ner"), TaskStatus::Queued), 2);
    expected.tasks_by_status = [(TaskStatus::Queued, 4), (TaskStatus::Finalized, 4)].into();
    expected.submissions = 20;
    expected.workers = 4;
    expected.task_types_unserved = 2;
    // Two workers can do sentiment, so those that want three are short of one.
    expected.tasks_short_of_workers = 8 + 12;
    let query = StatsQuery::new(at(0));
    assert_eq!(h.store.stats(query.clone()).await.unwrap(), expected);
    // The type with the most tasks is sentiment.
    expected
        .tasks
        .remove(&(task_type("ner"), TaskStatus::Queued));
    let stats = h.store.stats(query.with_task_types(1)).await.unwrap();
    assert_eq!(stats, expected);
}

fn tally(points: i64, submissions: u64) -> Tally {
    Tally {
        points,
        submissions,
        late: 1,
        agreements: 2,
        disagreements: 3,
        lost: 4,
        timed: 5,
        latency: Duration::from_micros(1_234_567),
    }
}

fn add_tally(
    tx: &mut dyn Transaction,
    name: &str,
    model: Option<&str>,
    by: &Tally,
) -> Result<(), TransactionError> {
    let model = model.map(|id| ModelIdentity::new(id).unwrap());
    tx.add(Addition::Tally {
        worker: &worker(name),
        task_type: &TaskType::sentiment(),
        model: model.as_ref(),
        by,
    })
}

async fn tally_of(h: &Harness, group: TallyGroup, by: TallyBy) -> Option<Tally> {
    let rows = h.store.tallies(TallyQuery::new(by, 99)).await.unwrap();
    let row = rows.into_iter().find(|row| row.group == group);
    row.map(|row| row.tally)
}

/// Every field of a tally, and the points and votes of its worker.
pub async fn tallies_add_up(h: &Harness) {
    insert_people(h).await;
    for points in [7, -2] {
        h.run(move |tx| {
            add_tally(tx, "alice", Some("m"), &tally(points, 1))?;
            add_tally(tx, "alice", None, &tally(10, 1))
        })
        .await;
    }
    let mut expected = tally(5, 2);
    (expected.late, expected.agreements, expected.disagreements) = (2, 4, 6);
    (expected.lost, expected.timed, expected.latency) = (8, 10, expected.latency * 2);
    let model = ModelIdentity::new("m").unwrap();
    let with = TallyGroup::new().with_model(Some(model));
    assert_eq!(tally_of(h, with, TallyBy::MODEL).await, Some(expected));
    expected.points = 20;
    let without = TallyGroup::new().with_model(None);
    assert_eq!(tally_of(h, without, TallyBy::MODEL).await, Some(expected));
    let alice = h.worker("alice").await;
    assert_eq!((alice.points, alice.submissions), (25, 4));
    let board = h.store.leaderboard(LeaderboardQuery::new(9)).await.unwrap();
    assert_eq!(
        (board.len(), board[0].points, board[0].submissions),
        (1, 25, 4)
    );
}

/// Points stay at the highest and the lowest number, also where workers are summed up.
pub async fn points_saturate(h: &Harness) {
    insert_people(h).await;
    for (name, points) in [("alice", i64::MAX), ("bob", i64::MIN), ("carl", i64::MAX)] {
        for _ in 0..2 {
            h.run(move |tx| add_tally(tx, name, None, &tally(points, 1)))
                .await;
        }
        assert_eq!(h.worker(name).await.points, points, "{name}");
        let group = TallyGroup::new().with_worker(worker(name));
        let found = tally_of(h, group, TallyBy::WORKER).await.unwrap();
        assert_eq!((found.points, found.submissions), (points, 2), "{name}");
    }
    let board = h.points().await;
    let expected = [("alice", i64::MAX), ("carl", i64::MAX), ("bob", i64::MIN)];
    assert_eq!(
        board,
        expected.map(|(name, points)| (name.to_owned(), points))
    );
    h.run(|tx| add_tally(tx, "alice", None, &tally(-1, 1)))
        .await;
    assert_eq!(h.worker("alice").await.points, i64::MAX - 1);
    h.run(|tx| add_tally(tx, "dora", None, &tally(3, 1))).await;
    let query = TallyQuery::new(TallyBy::TASK_TYPE, 9);
    let rows = h.store.tallies(query).await.unwrap();
    assert_eq!((rows.len(), rows[0].tally.submissions), (1, 8));
}

fn change(agreements: f64, disagreements: f64, consensus: &str, given: &str) -> RecordChange {
    let mut change = RecordChange::new();
    change.agreements = FractionalCount::from_fraction(agreements);
    change.disagreements = FractionalCount::from_fraction(disagreements);
    let n = FractionalCount::from_fraction(agreements + disagreements);
    change.cells = vec![(label(consensus), label(given), n)];
    change
}

async fn add_records(h: &Harness, name: &'static str, changes: Vec<RecordChange>) {
    for change in changes {
        h.run(move |tx| {
            let (worker, task_type) = (worker(name), &TaskType::sentiment());
            for worker in [Some(&worker), None] {
                tx.add(Addition::Record {
                    worker,
                    task_type,
                    change: &change,
                })?;
            }
            Ok(())
        })
        .await;
    }
}

/// A record is the sum of its changes, in whatever order they came.
pub async fn records_add_up(h: &Harness) {
    insert_people(h).await;
    let changes = vec![
        change(0.25, 0.75, "x", "y"),
        change(1.0, 0.0, "x", "x"),
        change(1.0 / 3.0, 0.0, "y", "y"),
        change(0.5, 0.5, "x", "y"),
    ];
    let mut expected = TrackRecord::default();
    let mut prior = TrackRecord::default();
    for change in &changes {
        expected.apply(change);
        prior.apply(change);
        prior.apply(change);
    }
    add_records(h, "alice", changes.clone()).await;
    add_records(h, "bob", changes.into_iter().rev().collect()).await;
    let read = |tx: &mut dyn Transaction| {
        let of = TaskType::sentiment();
        Ok([
            tx.record(&of, Some(&worker("alice")))?,
            tx.record(&of, Some(&worker("bob")))?,
            tx.record(&of, None)?,
        ])
    };
    let [alice, bob, found] = h.run(read).await;
    assert_eq!(alice, expected);
    let counted = |record: &TrackRecord| {
        let cells = record.counts();
        let cells = cells
            .iter()
            .map(|((consensus, given), n)| (consensus.to_string(), given.to_string(), *n));
        (
            record.agreements,
            record.disagreements,
            cells.collect::<Vec<_>>(),
        )
    };
    assert_eq!(counted(&bob), counted(&alice));
    assert_eq!(counted(&found), counted(&prior));
    // What is written replaces the sum, and what comes later is added to that.
    h.run(|tx| {
        tx.set_record(
            &TaskType::sentiment(),
            Some(&worker("alice")),
            &TrackRecord::default(),
        )
    })
    .await;
    add_records(h, "alice", vec![change(0.5, 0.0, "x", "x")]).await;
    let [alice, ..] = h.run(read).await;
    assert_eq!(alice.total().to_string(), "0.5");
}

/// Streaks follow the order of commits, and forgiveness covers what was counted before it.
pub async fn streaks_follow_the_order_of_commits(h: &Harness) {
    insert_people(h).await;
    let streak = |streak| {
        let mut change = change(1.0, 1.0, "x", "x");
        change.streak = streak;
        change
    };
    let changes = vec![
        streak(3),
        streak(2),
        streak(-4),
        RecordChange::forgiveness(),
        streak(-1),
        streak(0),
    ];
    let mut expected = TrackRecord::default();
    for change in &changes {
        expected.apply(change);
    }
    add_records(h, "alice", changes).await;
    let read = |tx: &mut dyn Transaction| tx.record(&TaskType::sentiment(), Some(&worker("alice")));
    let found = h.run(read).await;
    assert_eq!(found, expected);
    assert_eq!(found.streak, -1);
    assert_eq!(found.judged().0, FractionalCount::from_whole(2));
}

/// Records stay at the largest count.
pub async fn records_saturate(h: &Harness) {
    insert_people(h).await;
    let mut most = RecordChange::new();
    most.agreements = FractionalCount::MAX;
    most.cells = vec![(label("x"), label("x"), FractionalCount::MAX)];
    most.streak = i64::MAX;
    add_records(h, "alice", vec![most.clone(), most]).await;
    let read = |tx: &mut dyn Transaction| tx.record(&TaskType::sentiment(), Some(&worker("alice")));
    let found = h.run(read).await;
    assert_eq!(found.agreements, FractionalCount::MAX);
    assert_eq!(found.count(&label("x"), &label("x")), FractionalCount::MAX);
    assert_eq!(found.streak, i64::MAX);
}

/// A sign of life is noted when it is a second or more later than the last one; a heartbeat always.
pub async fn signs_of_life_are_noted_once_a_second(h: &Harness) {
    h.at(0);
    h.run(|tx| tx.put_worker(&person("alice"))).await;
    for (millis, noted) in [
        (0, 0),
        (999, 0),
        (1_000, 1_000),
        (1_999, 1_000),
        (7_500, 7_500),
        (8_499, 7_500),
    ] {
        h.clock.set(at(0).plus(Duration::from_millis(millis)));
        h.run(|tx| {
            tx.add(Addition::Seen(&worker("alice")))?;
            tx.add(Addition::Heartbeat(&worker("alice")))
        })
        .await;
        let alice = h.worker("alice").await;
        let at = |millis| at(0).plus(Duration::from_millis(millis));
        assert_eq!(alice.last_seen, at(noted), "{millis}");
        assert_eq!(alice.last_heartbeat, Some(at(millis)), "{millis}");
    }
}
