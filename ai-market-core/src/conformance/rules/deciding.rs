//! Rule 7, and how the majority decides.

use std::time::Duration;

use crate::confidence::Confidence;
use crate::conformance::harness::{Harness, at, label, new_task, number, task_type, vote, worker};
use crate::conformance::policies::{Agree, Panics, Pays, Undecided};
use crate::consensus::{Policies, Reward};
use crate::id::{TaskId, TaskType};
use crate::market::{Progress, Reap, SubmitOutcome};
use crate::store::WorkerProfile;
use crate::task::{TaskState, TaskStatus};

const NAMES: [&str; 6] = ["w1", "w2", "w3", "w4", "w5", "w6"];

/// Puts in a task and has one worker after the other answer it.
async fn decided(h: &Harness, votes: &[(&str, f64)]) -> TaskId {
    h.register(&NAMES, 0).await;
    let id = h.task(votes.len() as u32, 0).await;
    for ((text, confidence), name) in votes.iter().zip(NAMES) {
        h.claim(name, 1, 2).await;
        h.submit(vote(id, name, text, *confidence), 2).await;
    }
    id
}

async fn final_label(h: &Harness, id: TaskId) -> String {
    h.get(id)
        .await
        .final_label()
        .expect("a final label")
        .to_string()
}

/// Most votes win; the agreement is their share.
pub async fn the_majority_decides(h: &Harness) {
    let id = decided(h, &[("b", 0.99), ("a", 0.1), ("a", 0.1)]).await;
    let TaskState::Finalized {
        label: decided,
        agreement,
        policy,
        at: when,
    } = h.get(id).await.state
    else {
        panic!("expected a finalized task");
    };
    assert_eq!((decided, when), (label("a"), at(2)));
    assert!((agreement.get() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(policy.as_str(), "majority/1");
}

/// No strict majority is needed.
pub async fn a_tie_goes_to_the_higher_mean_confidence(h: &Harness) {
    let votes = [("a", 0.6), ("b", 0.9), ("b", 0.5), ("a", 0.7), ("c", 1.0)];
    let id = decided(h, &votes).await;
    assert_eq!(final_label(h, id).await, "b");
}

/// The result never depends on the order of a map.
pub async fn a_tie_of_confidence_goes_to_the_first_label(h: &Harness) {
    let id = decided(h, &[("z", 0.5), ("a", 0.5), ("m", 0.5)]).await;
    assert_eq!(final_label(h, id).await, "z");
}

/// The policy gets the votes that it asks for.
pub async fn rule_7_extending_raises_the_wanted_votes(h: &Harness) {
    let h = &h.with_policies(Policies::new(Agree(2)));
    h.register(&NAMES, 0).await;
    let task = new_task("a", 2, 0).with_max_submissions(number(5));
    let id = h.put(task, 0).await;
    h.answer("w1", "a", 1).await;
    assert_eq!(h.claim("w2", 1, 2).await, [id]);
    let votes = vec![vote(id, "w2", "b", 0.9)];
    let submitted = h.at(2).submit(votes).await.unwrap();
    let extended = Progress::Extended {
        task_type: TaskType::sentiment(),
        by: 1,
    };
    assert_eq!(submitted.outcomes, [SubmitOutcome::Accepted(extended)]);
    let freed: Vec<_> = submitted.effects.freed().collect();
    assert_eq!(
        freed,
        [(&TaskType::sentiment(), 1)],
        "whoever waits is woken"
    );
    let task = h.get(id).await;
    assert_eq!(
        (task.required_submissions, task.wanted, task.status()),
        (2, 3, TaskStatus::Queued)
    );
    assert!(h.claim("w1", 1, 3).await.is_empty());
    let outcome = h.answer("w3", "b", 3).await;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
    assert_eq!(final_label(h, id).await, "b");
}

/// Asking for more than the limit is no way out.
pub async fn rule_7_at_its_limit_the_policy_concludes(h: &Harness) {
    let h = &h.with_policies(Policies::new(Agree(2)));
    h.register(&NAMES, 0).await;
    let id = h
        .put(new_task("a", 2, 0).with_max_submissions(number(3)), 0)
        .await;
    h.answer("w1", "a", 1).await;
    h.answer("w2", "b", 1).await;
    let outcome = h.answer("w3", "c", 1).await;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Failed));
    let TaskState::Failed { reason, .. } = h.get(id).await.state else {
        panic!("failed")
    };
    assert_eq!(reason, "the votes do not agree");
    assert!(h.points().await.iter().all(|(_, points)| *points == 0));
}

/// A policy without a verdict does not hang the task.
pub async fn rule_7_pending_with_all_votes_in_concludes(h: &Harness) {
    let h = &h.with_policies(Policies::new(Undecided));
    let id = decided(h, &[("a", 0.5), ("b", 0.6)]).await;
    assert_eq!(final_label(h, id).await, "b");
}

/// Late is better than never.
pub async fn rule_7_a_deadline_ends_a_task_on_its_votes(h: &Harness) {
    h.register(&NAMES, 0).await;
    let id = h.put(new_task("a", 3, 0).with_deadline(at(100)), 0).await;
    h.answer("w1", "a", 1).await;
    h.claim("w2", 1, 90).await;
    assert_eq!(h.reap(99).await.expired, 0);
    let reaped = h.reap(100).await;
    assert_eq!((reaped.expired, reaped.effects.closed()), (1, vec![id]));
    let task = h.get(id).await;
    assert_eq!(task.final_label(), Some(&label("a")));
    let TaskState::Finalized { agreement, .. } = task.state else {
        panic!("finalized")
    };
    assert_eq!(agreement, Confidence::ONE);
    assert_eq!(h.points().await, [("w1".to_owned(), 1)]);
    let late = h.submit(vote(id, "w2", "a", 0.9), 101).await;
    assert_eq!(late, SubmitOutcome::Closed { kept: true });
    assert_eq!(h.reap(200).await.expired, 0);
}

/// There is nothing to decide on.
pub async fn rule_7_a_deadline_without_votes_fails_the_task(h: &Harness) {
    let id = h.put(new_task("a", 3, 0).with_deadline(at(100)), 0).await;
    assert_eq!(h.reap(100).await.expired, 1);
    assert_eq!(h.get(id).await.status(), TaskStatus::Failed);
}

/// A round never ends more tasks than it was asked to, and says that there are more while there are.
pub async fn rule_7_a_round_ends_no_more_overdue_tasks_than_its_limit(h: &Harness) {
    for seconds in 0..4 {
        let task = new_task("a", 1, seconds).with_deadline(at(100));
        h.put(task, seconds).await;
    }
    let mut expired = Vec::new();
    for _ in 0..3 {
        let reap = Reap::new(2, Duration::MAX);
        let reaped = h.at(100).reap(reap).await.unwrap();
        expired.push((reaped.expired, reaped.more));
    }
    assert_eq!(expired, [(2, true), (2, false), (0, false)]);
}

/// A task that waits for workers who do not exist is seen.
pub async fn rule_7_tasks_short_of_workers_are_counted(h: &Harness) {
    h.register(&["w1", "w2"], 0).await;
    h.task(2, 0).await;
    assert_eq!(h.stats().await.tasks_short_of_workers, 0);
    h.task(3, 0).await;
    h.put(new_task("a", 1, 0).with_task_type(task_type("ner")), 0)
        .await;
    assert_eq!(h.stats().await.tasks_short_of_workers, 2);
    h.register(&["w3"], 1).await;
    assert_eq!(h.stats().await.tasks_short_of_workers, 1);
    let ner = WorkerProfile::new(worker("w4"), [task_type("ner")]);
    h.at(2).register(ner).await.unwrap();
    assert_eq!(h.stats().await.tasks_short_of_workers, 0);
}

/// A task that is held waits for nobody; once it is given back, it waits for whoever can do its type
/// by then.
pub async fn rule_7_a_held_task_is_not_short_of_workers(h: &Harness) {
    let short = async || h.stats().await.tasks_short_of_workers;
    h.register(&["w1"], 0).await;
    let id = h.task(1, 0).await;
    assert_eq!(h.claim("w1", 1, 1).await, [id]);
    let ner = WorkerProfile::new(worker("w1"), [task_type("ner")]);
    h.at(2).register(ner).await.unwrap();
    assert_eq!(short().await, 0, "it is held");
    h.give_back("w1", &[id], 3).await;
    assert_eq!(short().await, 1, "nobody can do its type any more");
    h.register(&["w1"], 4).await;
    assert_eq!(short().await, 0);
    h.answer("w1", "a", 5).await;
    let ner = WorkerProfile::new(worker("w1"), [task_type("ner")]);
    h.at(6).register(ner).await.unwrap();
    assert_eq!(short().await, 0, "it is decided");
}

/// A policy that pays beyond all measure neither fails the steps of others nor fills up the sums.
pub async fn rewards_are_bounded(h: &Harness) {
    let policies = Policies::default()
        .with(task_type("rich"), Pays(i64::MAX))
        .with(task_type("poor"), Pays(i64::MIN));
    let h = &h.with_policies(policies);
    for (kind, name, n) in [("rich", "w1", 0), ("poor", "w2", 3)] {
        let profile = WorkerProfile::new(worker(name), [task_type(kind)]);
        h.at(9).register(profile).await.unwrap();
        for n in n..n + 3 {
            h.put(new_task("a", 1, n).with_task_type(task_type(kind)), 9)
                .await;
            let outcome = h.answer(name, "a", 9).await;
            assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Finalized));
        }
    }
    let most = 3 * Reward::MAX_POINTS;
    let expected = [("w1".to_owned(), most), ("w2".to_owned(), -most)];
    assert_eq!(h.points().await, expected);
}

/// A broken policy costs its task, not the market.
pub async fn a_panicking_policy_fails_the_task_and_not_the_store(h: &Harness) {
    let policies = Policies::default().with(task_type("broken"), Panics);
    let h = &h.with_policies(policies);
    let types = [task_type("broken"), TaskType::sentiment()];
    h.at(0)
        .register(WorkerProfile::new(worker("w1"), types))
        .await
        .unwrap();
    let broken = h
        .put(new_task("a", 1, 0).with_task_type(task_type("broken")), 0)
        .await;
    let outcome = h.answer("w1", "a", 1).await;
    assert_eq!(outcome, SubmitOutcome::Accepted(Progress::Failed));
    let TaskState::Failed { reason, .. } = h.get(broken).await.state else {
        panic!("failed")
    };
    assert!(reason.contains("panics/1"), "{reason}");
    let good = h.task(1, 2).await;
    h.answer("w1", "a", 3).await;
    assert_eq!(final_label(h, good).await, "a");
}

/// Exceptions by task type hold.
pub async fn each_type_has_its_own_policy(h: &Harness) {
    let policies = Policies::default().with(task_type("quick"), Agree(1));
    let h = &h.with_policies(policies);
    let types = [task_type("quick"), TaskType::sentiment()];
    h.at(0)
        .register(WorkerProfile::new(worker("w1"), types))
        .await
        .unwrap();
    let quick = h
        .put(new_task("a", 3, 0).with_task_type(task_type("quick")), 0)
        .await;
    h.answer("w1", "a", 1).await;
    let TaskState::Finalized { policy, .. } = h.get(quick).await.state else {
        panic!("finalized by its own policy");
    };
    assert_eq!(policy.as_str(), "agree-1/1");
    let slow = h.task(3, 2).await;
    h.answer("w1", "a", 3).await;
    assert_eq!(h.get(slow).await.status(), TaskStatus::Queued);
}
