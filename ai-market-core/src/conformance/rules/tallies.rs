//! How workers, models and task types did.

use std::time::Duration;

use crate::conformance::harness::{Harness, new_task, profile, task_type, vote, worker};
use crate::conformance::policies::Agree;
use crate::consensus::{Normalized, Policies};
use crate::id::TaskType;
use crate::store::{Tally, TallyBy, TallyGroup, TallyQuery, TallyRow};
use crate::submission::ModelIdentity;

fn model(id: &str) -> ModelIdentity {
    ModelIdentity::new(id).unwrap()
}

async fn rows(h: &Harness, by: TallyBy) -> Vec<TallyRow> {
    h.store.tallies(TallyQuery::new(by, 1_000)).await.unwrap()
}

async fn total(h: &Harness) -> Tally {
    let rows = rows(h, TallyBy::default()).await;
    rows.first().map(|row| row.tally).unwrap_or_default()
}

async fn of_model(h: &Harness, model: Option<&ModelIdentity>) -> Tally {
    let rows = rows(h, TallyBy::MODEL).await;
    let found = rows
        .iter()
        .find(|row| row.group.model.as_ref().map(Option::as_ref) == Some(model));
    found.map(|row| row.tally).unwrap_or_default()
}

async fn register(h: &Harness, name: &str, id: &str, seconds: i64) {
    let profile = profile(name).with_model(model(id));
    h.at(seconds).register(profile).await.unwrap();
}

/// Under the model that it names, or that its lease was claimed with, with the time that it took.
pub async fn a_vote_is_counted_when_it_is_accepted(h: &Harness) {
    register(h, "alice", "m", 0).await;
    h.register(&["bob"], 0).await;
    let ids = [h.task(3, 0).await, h.task(3, 1).await];
    h.claim("alice", 2, 1).await;
    h.claim("bob", 2, 1).await;
    register(h, "alice", "later", 2).await;
    h.submit(vote(ids[0], "alice", "x", 0.9), 3).await;
    h.submit(
        vote(ids[1], "alice", "x", 0.9).with_model(model("named")),
        5,
    )
    .await;
    h.submit(vote(ids[0], "bob", "x", 0.9), 5).await;
    let claimed = of_model(h, Some(&model("m"))).await;
    assert_eq!((claimed.submissions, claimed.timed), (1, 1));
    assert_eq!(claimed.latency, Duration::from_secs(2));
    let named = of_model(h, Some(&model("named"))).await;
    assert_eq!(
        (named.submissions, named.latency),
        (1, Duration::from_secs(4))
    );
    assert_eq!(
        of_model(h, None).await.submissions,
        1,
        "bob's says no model"
    );
    assert_eq!(of_model(h, Some(&model("later"))).await, Tally::default());
    let total = total(h).await;
    assert_eq!(
        (total.submissions, total.agreements + total.disagreements),
        (3, 0)
    );
}

/// Each under the model of its vote; a task that failed counts nobody as right or wrong.
pub async fn agreements_and_points_are_counted_at_the_decision(h: &Harness) {
    for (name, id) in [("alice", "a"), ("bob", "b"), ("carole", "a")] {
        register(h, name, id, 0).await;
    }
    h.task(3, 0).await;
    h.answer("alice", "x", 1).await;
    h.answer("bob", "y", 1).await;
    h.answer("carole", "x", 1).await;
    let a = of_model(h, Some(&model("a"))).await;
    assert_eq!((a.points, a.agreements, a.disagreements), (2, 2, 0));
    let b = of_model(h, Some(&model("b"))).await;
    assert_eq!((b.points, b.agreements, b.disagreements), (0, 0, 1));
    assert_eq!((a.agreement(), b.agreement()), (Some(1.0), Some(0.0)));
    let two = h.with_policies(Policies::new(Agree(2)));
    two.task(2, 2).await;
    two.answer("alice", "x", 3).await;
    two.answer("bob", "y", 3).await;
    let total = total(h).await;
    assert_eq!(total.submissions, 5);
    assert_eq!(
        (total.points, total.agreements, total.disagreements),
        (2, 2, 1)
    );
}

/// It is no submission, and agrees or not all the same.
pub async fn a_late_answer_is_counted_as_late(h: &Harness) {
    let h = &h.with_policies(Policies::new(Agree(2)));
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        h.claim(name, 1, 1).await;
    }
    for name in ["alice", "bob"] {
        h.submit(vote(id, name, "x", 0.9), 2).await;
    }
    h.submit(vote(id, "carole", "y", 0.9), 7).await;
    let query = TallyQuery::new(TallyBy::WORKER, 9).with_worker(worker("carole"));
    let tally = h.store.tallies(query).await.unwrap()[0].tally;
    assert_eq!((tally.submissions, tally.late), (0, 1));
    assert_eq!(
        (tally.points, tally.agreements, tally.disagreements),
        (0, 0, 1)
    );
    assert_eq!(tally.latency, Duration::from_secs(6));
    assert_eq!(total(h).await.submissions, h.stats().await.submissions);
}

/// Whatever the worker runs when it is lost; a returned one is none.
pub async fn a_lost_lease_is_counted_under_the_model_that_claimed_it(h: &Harness) {
    register(h, "alice", "m", 0).await;
    let ids = [h.task(1, 0).await, h.task(1, 1).await, h.task(1, 2).await];
    h.claim("alice", 3, 2).await;
    register(h, "alice", "later", 3).await;
    h.give_back("alice", &ids[..1], 3).await;
    h.fail("alice", ids[1], "broken", 3).await;
    h.reap(63).await;
    assert_eq!(of_model(h, Some(&model("m"))).await.lost, 2);
    assert_eq!(total(h).await.lost, 2);
}

/// What agrees, and who is paid, is for the comparator of the type to say.
pub async fn answers_that_say_the_same_agree(h: &Harness) {
    let policies = Policies::default().with_comparator(TaskType::sentiment(), Normalized);
    let h = &h.with_policies(policies);
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    h.answer("carole", "A dog ran.", 1).await;
    h.answer("alice", "The cat sat.", 1).await;
    h.answer("bob", "the cat sat", 1).await;
    let task = h.get(id).await;
    assert_eq!(task.final_label().unwrap().as_str(), "The cat sat.");
    let total = total(h).await;
    assert_eq!(
        (total.points, total.agreements, total.disagreements),
        (2, 2, 1)
    );
    let crate::task::TaskState::Finalized {
        policy, agreement, ..
    } = task.state
    else {
        panic!("two of three agree");
    };
    assert_eq!(policy.as_str(), "majority/1 (normalized/1)");
    assert!((agreement.get() - 2.0 / 3.0).abs() < 1e-9);
}

/// Two workers with two models on two types.
async fn two_types(h: &Harness) {
    for (name, ner) in [("alice", "n1"), ("bob", "n2")] {
        let mut profile = profile(name).with_model(model("s"));
        profile.capabilities.insert(task_type("ner"));
        let profile = profile.with_model_for(task_type("ner"), model(ner));
        h.at(0).register(profile).await.unwrap();
    }
    for (i, (kind, right)) in [("ner", "x"), ("ner", "x"), ("sentiment", "x")]
        .iter()
        .enumerate()
    {
        let task = new_task("a", 2, i as i64).with_task_type(task_type(kind));
        let id = h.put(task, 2 + i as i64).await;
        for (name, label) in [
            ("alice", *right),
            ("bob", if i == 0 { "y" } else { *right }),
        ] {
            h.claim(name, 1, 2 + i as i64).await;
            h.submit(
                vote(id, name, label, if name == "alice" { 0.9 } else { 0.8 }),
                2 + i as i64,
            )
            .await;
        }
    }
}

/// By any of worker, model and type, and only what is asked for.
pub async fn tallies_are_told_apart_as_asked(h: &Harness) {
    two_types(h).await;
    let points = |rows: Vec<TallyRow>| -> Vec<_> {
        rows.into_iter()
            .map(|row| (row.group, row.tally.points))
            .collect()
    };
    let (alice, bob) = (worker("alice"), worker("bob"));
    assert_eq!(
        points(rows(h, TallyBy::WORKER).await),
        [
            (TallyGroup::new().with_worker(alice.clone()), 3),
            (TallyGroup::new().with_worker(bob), 2)
        ]
    );
    assert_eq!(
        points(rows(h, TallyBy::TASK_TYPE).await),
        [
            (TallyGroup::new().with_task_type(task_type("ner")), 3),
            (TallyGroup::new().with_task_type(task_type("sentiment")), 2)
        ]
    );
    let of = |id: &str, kind: &str| {
        let group = TallyGroup::new().with_model(Some(model(id)));
        group.with_task_type(task_type(kind))
    };
    assert_eq!(
        points(rows(h, TallyBy::MODEL_AND_TASK_TYPE).await),
        [
            (of("n1", "ner"), 2),
            (of("s", "sentiment"), 2),
            (of("n2", "ner"), 1)
        ]
    );
    let query = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, 9).with_worker(alice);
    assert_eq!(
        points(h.store.tallies(query).await.unwrap()),
        [(of("n1", "ner"), 2), (of("s", "sentiment"), 1)]
    );
    let query = TallyQuery::new(TallyBy::WORKER, 9).with_task_type(task_type("ner"));
    let ner = h.store.tallies(query).await.unwrap();
    assert_eq!(
        ner.iter().map(|row| row.tally.points).collect::<Vec<_>>(),
        [2, 1]
    );
    let nobody = TallyQuery::new(TallyBy::WORKER, 9).with_worker(worker("nobody"));
    assert!(h.store.tallies(nobody).await.unwrap().is_empty());
}

/// Pages follow one another without gap or overlap.
pub async fn tallies_are_paged_by_points_and_name(h: &Harness) {
    let names = ["dora", "carl", "bob", "alice"];
    h.register(&names, 0).await;
    for (round, right) in ["bob", "bob", "dora"].iter().enumerate() {
        let id = h.task(4, round as i64).await;
        for name in names {
            h.claim(name, 1, round as i64).await;
            let right = name == *right || name == "carl";
            let label = if right { "x" } else { name };
            h.submit(vote(id, name, label, 0.9), round as i64).await;
        }
    }
    let all = rows(h, TallyBy::WORKER).await;
    let found: Vec<_> = all
        .iter()
        .map(|row| {
            (
                row.group.worker.as_ref().unwrap().as_str(),
                row.tally.points,
            )
        })
        .collect();
    assert_eq!(found, [("carl", 3), ("bob", 2), ("dora", 1), ("alice", 0)]);
    let mut paged = Vec::new();
    let mut query = TallyQuery::new(TallyBy::WORKER, 1);
    while let Some(row) = h.store.tallies(query).await.unwrap().pop() {
        query = TallyQuery::new(TallyBy::WORKER, 1).after(row.tally.points, row.group.clone());
        paged.push(row);
    }
    assert_eq!(paged, all);
    assert!(
        h.store
            .tallies(TallyQuery::new(TallyBy::WORKER, 0))
            .await
            .unwrap()
            .is_empty()
    );
}

/// Of each type and in all, whatever it ran; others come before or after it by all its points.
pub async fn a_worker_with_several_models_has_one_place(h: &Harness) {
    h.register(&["bob"], 0).await;
    for (round, id) in ["m", "n", "m", "n", "o"].into_iter().enumerate() {
        let seconds = round as i64;
        register(h, "alice", id, seconds).await;
        h.task(1, seconds).await;
        h.answer("alice", "x", seconds).await;
        if round < 3 {
            h.task(1, seconds).await;
            h.answer("bob", "x", seconds).await;
        }
        let query = TallyQuery::new(TallyBy::WORKER, 9);
        let of_type = query.clone().with_task_type(TaskType::sentiment());
        let (all, of_type) = (query, of_type);
        let all = h.store.tallies(all).await.unwrap();
        assert_eq!(h.store.tallies(of_type.clone()).await.unwrap(), all);
        let points: Vec<_> = all.iter().map(|row| row.tally.points).collect();
        assert_eq!(points, [seconds + 1, (seconds + 1).min(3)]);
        let first = all[0].group.clone();
        assert_eq!(first.worker, Some(worker("alice")));
        let next = of_type.after(points[0], first);
        assert_eq!(h.store.tallies(next).await.unwrap(), all[1..]);
    }
    let query = TallyQuery::new(TallyBy::MODEL, 9).with_task_type(TaskType::sentiment());
    let models = h.store.tallies(query).await.unwrap();
    let models: Vec<_> = models
        .iter()
        .map(|row| {
            let model = row.group.model.as_ref().and_then(Option::as_ref);
            (model.map(ModelIdentity::id), row.tally.points)
        })
        .collect();
    let expected = [(None, 3), (Some("m"), 2), (Some("n"), 2), (Some("o"), 1)];
    assert_eq!(models, expected);
}

/// Neither a duplicate nor an answer that came too late counts.
pub async fn a_repeated_vote_is_counted_once(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(1, 0).await;
    h.claim("alice", 1, 1).await;
    for seconds in 2..5 {
        h.submit(vote(id, "alice", "x", 0.9), seconds).await;
        h.submit(vote(id, "bob", "x", 0.9), seconds).await;
    }
    let total = total(h).await;
    assert_eq!((total.submissions, total.late, total.points), (1, 0, 1));
}

/// As it forgets the votes.
pub async fn clearing_forgets_every_tally(h: &Harness) {
    two_types(h).await;
    h.at(1_000).clear().await.unwrap();
    assert!(rows(h, TallyBy::WORKER).await.is_empty());
    h.register(&["alice"], 1_001).await;
    h.task(1, 1_001).await;
    h.answer("alice", "x", 1_002).await;
    assert_eq!(total(h).await.submissions, 1);
}
