//! Look-ups find rows in order.

use std::time::Duration;

use super::words::{
    change_worker, claim_key, failed, id, insert_people, insert_tasks, person, submission, task,
};
use crate::conformance::harness::{Harness, at, task_type, worker};
use crate::id::{OwnerId, TaskId, TaskType};
use crate::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, Counter,
    Involvement, LeaseRow, LossRow, SilentWorker,
};
use crate::submission::ModelIdentity;
use crate::task::Task;

fn claimant(name: &str) -> Claimant {
    Claimant::new(worker(name), None, None)
}

fn keys(candidates: &[Candidate]) -> Vec<ClaimKey> {
    candidates.iter().map(Candidate::key).collect()
}

/// Eight claimable sentiment tasks, and others; returns their keys in order.
async fn claimable(h: &Harness) -> Vec<ClaimKey> {
    let priorities = [0, 5, -3, 5, 0, i32::MAX, i32::MIN, 0];
    let tasks = (0_u8..).zip(priorities).map(|(n, priority)| Task {
        priority,
        ..task(n)
    });
    let mut keys: Vec<_> = tasks.clone().filter_map(|task| claim_key(&task)).collect();
    let mut written: Vec<Task> = tasks.collect();
    written.reverse();
    h.run(move |tx| {
        for task in &written {
            tx.insert_task(task, claim_key(task), None)?;
        }
        let ner = Task {
            task_type: task_type("ner"),
            ..task(100)
        };
        tx.insert_task(&ner, claim_key(&ner), None)?;
        tx.insert_task(&failed(task(101)), None, None)?;
        // Its replicas are all taken.
        tx.insert_task(&task(102), None, None)
    })
    .await;
    keys.sort_unstable();
    keys
}

async fn page(
    h: &Harness,
    task_type: TaskType,
    after: Option<ClaimKey>,
    limit: usize,
) -> ClaimablePage {
    let query = ClaimableQuery::new(claimant("alice"), task_type, after, limit);
    h.run(move |tx| tx.claimable_after(&query)).await
}

/// Higher priority first, then oldest first, of one type, page by page.
pub async fn claimable_tasks_are_found_in_order(h: &Harness) {
    let expected = claimable(h).await;
    let ids: Vec<_> = expected.iter().map(ClaimKey::id).collect();
    assert_eq!(ids, [5, 1, 3, 0, 4, 7, 2, 6].map(id));
    for limit in 1..10 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = page(h, TaskType::sentiment(), after, limit).await;
            found.extend(keys(&page.candidates));
            assert_eq!(page.ended, found.len() == 8, "{limit}");
            if page.ended {
                break;
            }
            assert_eq!(page.candidates.len(), limit);
            after = found.last().copied();
        }
        assert_eq!(found, expected, "{limit}");
    }
    let after = page(h, TaskType::sentiment(), expected.last().copied(), 5).await;
    assert!(after.candidates.is_empty() && after.ended);
    // A place at which there is no task.
    let between = ClaimKey::new(1, id(0));
    let rest = page(h, TaskType::sentiment(), Some(between), 9).await;
    assert_eq!(keys(&rest.candidates), expected[3..]);
    let ner = page(h, task_type("ner"), None, 5).await;
    assert_eq!(keys(&ner.candidates), [ClaimKey::new(0, id(100))]);
    let none = page(h, task_type("never"), None, 5).await;
    assert!(none.candidates.is_empty() && none.ended);
}

/// A task is among them while it was last written with a place.
pub async fn a_task_is_claimable_where_it_was_written_so(h: &Harness) {
    let expected = claimable(h).await;
    let found = async || {
        let page = page(h, TaskType::sentiment(), None, 99).await;
        keys(&page.candidates)
    };
    h.run(|tx| tx.update_task(&task(0), None)).await;
    let mut without = expected.clone();
    without.retain(|key| key.id() != id(0));
    assert_eq!(found().await, without);
    h.run(|tx| tx.update_task(&failed(task(4)), None)).await;
    h.run(|tx| tx.update_task(&task(0), claim_key(&task(0))))
        .await;
    let mut without = expected;
    without.retain(|key| key.id() != id(4));
    assert_eq!(found().await, without);
}

/// In the order of the keys that were asked for, without those that are not claimable now.
pub async fn claimable_tasks_are_found_by_their_places(h: &Harness) {
    let places = claimable(h).await;
    h.run(|tx| tx.update_task(&task(0), None)).await;
    let asked = [
        places[4],
        ClaimKey::new(0, id(0)),
        places[1],
        ClaimKey::new(9, places[2].id()),
        ClaimKey::new(0, id(99)),
        places[7],
        ClaimKey::new(0, id(101)),
    ];
    let found = h
        .run(move |tx| tx.claimable_at(&claimant("alice"), &asked))
        .await;
    assert_eq!(keys(&found), [places[4], places[1], places[7]]);
    let none = h.run(|tx| tx.claimable_at(&claimant("alice"), &[])).await;
    assert!(none.is_empty());
}

fn owner(name: &str) -> OwnerId {
    OwnerId::new(name).unwrap()
}

fn model(id: &str) -> ModelIdentity {
    ModelIdentity::new(id).unwrap()
}

/// By a lease or a vote of its own, of its owner's or with its model, and how often it lost the
/// task; a late answer is no involvement.
pub async fn candidates_tell_who_is_involved(h: &Harness) {
    insert_people(h).await;
    h.run(|tx| {
        for n in 0..9 {
            let task = Task {
                distinct_models: n % 2 == 1,
                lease_count: u32::from([1, 3, 6].contains(&n)),
                submission_count: u32::from([2, 4, 5, 6].contains(&n)),
                attempts: [0, 0, 0, 0, 0, 0, 2, 1, 0][usize::from(n)],
                ..task(n)
            };
            tx.insert_task(&task, claim_key(&task), None)?;
        }
        let lease = |name: &str| LeaseRow::new(worker(name), at(0), at(60));
        let vote = |name: &str| submission(name, "x", at(0));
        tx.put_lease(id(1), &lease("alice"))?;
        tx.insert_vote(id(2), &vote("alice"))?;
        let mut owned = lease("bob");
        (owned.owner, owned.model) = (Some(owner("ann")), Some(model("m")));
        tx.put_lease(id(3), &owned)?;
        let mut owned = vote("bob");
        (owned.owner, owned.model) = (Some(owner("ann")), Some(model("other")));
        tx.insert_vote(id(4), &owned)?;
        let mut same = vote("carl");
        (same.owner, same.model) = (Some(owner("ben")), Some(model("m")));
        tx.insert_vote(id(5), &same)?;
        tx.insert_vote(id(6), &vote("dora"))?;
        tx.put_lease(id(6), &lease("eve"))?;
        tx.put_loss(id(6), &LossRow::new(worker("alice"), None, 2))?;
        tx.put_loss(id(6), &LossRow::new(worker("eve"), None, 1))?;
        tx.put_loss(id(7), &LossRow::new(worker("bob"), Some(owner("ann")), 1))?;
        let mut late = vote("alice");
        late.late = true;
        tx.insert_vote(id(8), &late)
    })
    .await;
    let look = async |claimant: Claimant| {
        let query = ClaimableQuery::new(claimant.clone(), TaskType::sentiment(), None, 99);
        let places: Vec<_> = (0..9).map(|n| ClaimKey::new(0, id(n))).collect();
        let (page, at) = h
            .run(move |tx| {
                Ok((
                    tx.claimable_after(&query)?,
                    tx.claimable_at(&claimant, &places)?,
                ))
            })
            .await;
        assert_eq!(page.candidates, at);
        let told = at.into_iter().map(|candidate| match candidate {
            Candidate::Found {
                key,
                distinct_models,
                involvement,
            } => {
                assert_eq!(distinct_models, key.id().as_bytes()[15] % 2 == 1);
                let Involvement {
                    worker,
                    owner,
                    model,
                    losses,
                } = involvement;
                ([worker, owner, model], losses)
            }
            Candidate::Skipped(key) => panic!("nobody else has {key:?} locked"),
        });
        told.collect::<Vec<_>>()
    };
    let (yes, no) = (true, false);
    let known = Claimant::new(worker("alice"), Some(owner("ann")), Some(model("m")));
    let none = ([no; 3], 0);
    let expected = [
        none,
        ([yes, no, no], 0),
        ([yes, no, no], 0),
        ([no, yes, yes], 0),
        ([no, yes, no], 0),
        ([no, no, yes], 0),
        ([no, no, no], 2),
        ([no, no, no], 1),
        none,
    ];
    assert_eq!(look(known).await, expected);
    let mut expected = expected;
    for place in [3, 4, 5, 7] {
        expected[place] = none;
    }
    assert_eq!(
        look(claimant("alice")).await,
        expected,
        "nothing is known of it"
    );
}

/// Open ones whose deadline is not after now, earliest first.
pub async fn overdue_tasks_are_found_in_order(h: &Harness) {
    h.run(|tx| {
        let deadlines = [None, Some(30), Some(10), Some(20), Some(40), Some(15)];
        for (n, deadline) in (0..).zip(deadlines) {
            let task = Task {
                deadline: deadline.map(at),
                ..task(n)
            };
            tx.insert_task(&task, None, None)?;
        }
        let closed = Task {
            deadline: Some(at(15)),
            ..failed(task(5))
        };
        tx.update_task(&closed, None)
    })
    .await;
    let overdue = async |seconds, limit| {
        h.at(seconds);
        h.run(move |tx| tx.tasks_overdue(limit)).await
    };
    assert!(overdue(9, 9).await.is_empty());
    assert_eq!(overdue(10, 9).await, [id(2)]);
    assert_eq!(overdue(30, 9).await, [2, 3, 1].map(id));
    assert_eq!(overdue(30, 2).await, [2, 3].map(id));
}

/// Those that ended before now, also grace leases, earliest first.
pub async fn overdue_leases_are_found_in_order(h: &Harness) {
    insert_tasks(h, 3).await;
    h.run(|tx| {
        let leases = [
            (0, "alice", 30),
            (0, "bob", 10),
            (1, "alice", 20),
            (1, "carl", 50),
            (2, "bob", 5),
        ];
        for (n, name, until) in leases {
            tx.put_lease(id(n), &LeaseRow::new(worker(name), at(0), at(until)))?;
        }
        let longer = LeaseRow::new(worker("bob"), at(0), at(40));
        tx.put_lease(id(2), &longer)?;
        let grace = LeaseRow {
            grace: true,
            ..LeaseRow::new(worker("alice"), at(0), at(20))
        };
        tx.put_lease(id(1), &grace)
    })
    .await;
    let overdue = async |seconds, limit| {
        h.at(seconds);
        let found = h.run(move |tx| tx.leases_overdue(limit)).await;
        let found = found.into_iter().map(|(task, who)| (task, who.to_string()));
        found.collect::<Vec<_>>()
    };
    let expected = [(0, "bob"), (1, "alice"), (0, "alice"), (2, "bob")];
    let expected = expected.map(|(n, name)| (id(n), name.to_owned()));
    assert!(overdue(10, 9).await.is_empty());
    assert_eq!(overdue(11, 9).await, expected[..1]);
    assert_eq!(overdue(41, 9).await, expected);
    assert_eq!(overdue(41, 3).await, expected[..3]);
    h.run(|tx| tx.delete_lease(id(1), &worker("alice"))).await;
    assert_eq!(
        overdue(41, 2).await,
        [expected[0].clone(), expected[2].clone()]
    );
}

/// Ordered by task, without grace leases.
pub async fn leases_of_a_worker_are_found_in_order(h: &Harness) {
    insert_tasks(h, 4).await;
    h.run(|tx| {
        for n in [2, 0, 3, 1] {
            let lease = LeaseRow::new(worker("alice"), at(0), at(60 - i64::from(n)));
            tx.put_lease(id(n), &lease)?;
        }
        tx.put_lease(id(0), &LeaseRow::new(worker("bob"), at(0), at(9)))?;
        let grace = LeaseRow {
            grace: true,
            ..LeaseRow::new(worker("alice"), at(0), at(58))
        };
        tx.put_lease(id(2), &grace)
    })
    .await;
    let held = |name: &'static str| {
        h.run(move |tx| {
            Ok((
                tx.leases_held(&worker(name))?,
                tx.count_held(&worker(name))?,
            ))
        })
    };
    let (alices, count) = held("alice").await;
    let expected = [(0, 60), (1, 59), (3, 57)];
    let expected = expected.map(|(n, until)| {
        let lease = LeaseRow::new(worker("alice"), at(0), at(until));
        (id(n), lease)
    });
    assert_eq!((alices.as_slice(), count), (&expected[..], 3));
    let (bobs, count) = held("bob").await;
    assert_eq!((bobs.len(), count), (1, 1));
    assert_eq!(held("nobody").await, (Vec::<(TaskId, LeaseRow)>::new(), 0));
}

/// Of at most an absence, longest silent first, then by id, with whether they send heartbeats.
pub async fn silent_workers_are_found_in_order(h: &Harness) {
    for (name, seconds) in [
        ("dora", 1),
        ("carl", 2),
        ("alice", 3),
        ("bob", 3),
        ("eve", 9),
    ] {
        h.at(seconds);
        h.run(move |tx| tx.put_worker(&person(name))).await;
    }
    h.run(|tx| {
        tx.add(Addition::Heartbeat(&worker("alice")))?;
        change_worker(tx, "carl", |row| row.with_absence(Absence::Stale))?;
        change_worker(tx, "dora", |row| row.with_absence(Absence::Gone))
    })
    .await;
    h.at(20);
    let silent = async |absence, seconds, limit| {
        let silence = Duration::from_secs(seconds);
        let find = h.run(move |tx| tx.workers_silent(absence, silence, limit));
        let found = find.await.into_iter();
        let found = found.map(
            |SilentWorker {
                 worker,
                 sends_heartbeats,
                 ..
             }| { (worker.to_string(), sends_heartbeats) },
        );
        found.collect::<Vec<_>>()
    };
    let told = |found: &[(&str, bool)]| -> Vec<_> {
        found
            .iter()
            .map(|(name, beats)| ((*name).to_owned(), *beats))
            .collect()
    };
    let present = told(&[("alice", true), ("bob", false), ("eve", false)]);
    assert_eq!(silent(Absence::Present, 10, 9).await, present);
    assert_eq!(
        silent(Absence::Present, 11, 9).await,
        present[..2],
        "for longer than that"
    );
    assert_eq!(silent(Absence::Present, 11, 1).await, present[..1]);
    assert!(silent(Absence::Present, 17, 9).await.is_empty());
    let stale = told(&[("carl", false), ("alice", true), ("bob", false)]);
    assert_eq!(silent(Absence::Stale, 11, 9).await, stale);
    assert_eq!(silent(Absence::Gone, 18, 9).await, told(&[("dora", false)]));
}

/// Those of all types; closed ones are not.
pub async fn open_tasks_are_counted(h: &Harness) {
    let count = |task: &Task| Counter::Tasks(task.task_type.clone(), task.status());
    h.run(move |tx| {
        for n in 0..6 {
            let mut task = task(n);
            if n % 2 == 0 {
                task.task_type = task_type("ner");
            }
            if n > 3 {
                task = failed(task);
            }
            tx.insert_task(&task, claim_key(&task), None)?;
            tx.add(Addition::Count(&count(&task), 1))?;
        }
        Ok(())
    })
    .await;
    assert_eq!(h.run(|tx| tx.open_tasks()).await, 4);
    h.run(move |tx| {
        tx.update_task(&failed(task(1)), None)?;
        tx.add(Addition::Count(&count(&task(1)), -1))?;
        tx.add(Addition::Count(&count(&failed(task(1))), 1))
    })
    .await;
    assert_eq!(h.run(|tx| tx.open_tasks()).await, 3);
}
