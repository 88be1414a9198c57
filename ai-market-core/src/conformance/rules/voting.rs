//! Rules 3 and 4: what a vote does, once.

use std::collections::BTreeMap;

use super::grace::{decided_without_carole, two_agree};
use crate::confidence::Confidence;
use crate::conformance::harness::{Harness, at, label, profile, vote, worker};
use crate::id::TaskId;
use crate::market::{Progress, SubmitOutcome};
use crate::submission::{ModelIdentity, Scores};

const ACCEPTED: SubmitOutcome = SubmitOutcome::Accepted(Progress::Open);
const FINALIZED: SubmitOutcome = SubmitOutcome::Accepted(Progress::Finalized);

fn points(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected
        .iter()
        .map(|(name, points)| ((*name).to_owned(), *points))
        .collect()
}

/// Nobody has points before the task is decided; then each that agrees has one.
pub async fn rule_3_points_are_paid_when_the_task_closes(h: &Harness) {
    h.register(&["alice", "bob", "carole"], 0).await;
    h.task(3, 0).await;
    assert_eq!(h.answer("bob", "positive", 1).await, ACCEPTED);
    assert_eq!(h.answer("carole", "negative", 2).await, ACCEPTED);
    assert_eq!(h.points().await, points(&[("bob", 0), ("carole", 0)]));
    assert_eq!(h.answer("alice", "positive", 3).await, FINALIZED);
    assert_eq!(
        h.points().await,
        points(&[("alice", 1), ("bob", 1), ("carole", 0)])
    );
}

/// Repeating the last vote, or reaping afterwards, pays nothing more.
pub async fn rule_3_points_are_paid_once_whatever_is_repeated(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.answer("alice", "positive", 1).await;
    for seconds in [2, 1_000, 2_000] {
        h.submit(vote(id, "alice", "positive", 0.9), seconds).await;
        h.reap(seconds).await;
    }
    assert_eq!(h.points().await, points(&[("alice", 1)]));
    assert_eq!(h.stats().await.submissions, 1);
}

/// The first answer stands.
pub async fn rule_4_a_repeated_vote_changes_nothing(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(2, 0).await;
    h.answer("alice", "positive", 1).await;
    let again = h.submit(vote(id, "alice", "negative", 0.1), 2).await;
    assert_eq!(again, SubmitOutcome::Duplicate { finalized: false });
    let details = h.details(id).await;
    assert_eq!(details.task.submission_count, 1);
    assert_eq!(details.submissions[0].label, label("positive"));
    assert_eq!(details.submissions[0].submitted_at, at(1));
}

/// Whoever did not hear that its vote was taken may ask again at any time.
pub async fn rule_4_a_repeated_vote_on_a_closed_task_is_a_duplicate(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(1, 0).await;
    h.answer("alice", "positive", 1).await;
    let again = h.submit(vote(id, "alice", "positive", 0.9), 2).await;
    assert_eq!(again, SubmitOutcome::Duplicate { finalized: true });
}

/// The answer was on its way when the task was decided.
pub async fn rule_4_an_answer_under_a_grace_lease_is_kept_as_late(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    let outcome = h.submit(vote(id, "carole", "negative", 0.9), 61).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: true });
    let details = h.details(id).await;
    assert_eq!(details.submissions.len(), 3);
    let late = &details.submissions[2];
    assert!(late.late && late.worker == worker("carole") && late.submitted_at == at(61));
    assert!(details.submissions[..2].iter().all(|vote| !vote.late));
    let again = h.submit(vote(id, "carole", "negative", 0.9), 61).await;
    assert_eq!(again, SubmitOutcome::Duplicate { finalized: true });
}

/// Neither label nor points nor counts change: an answer changes its worker's track record and that
/// of the task type.
pub async fn rule_4_a_late_answer_changes_only_the_track_record(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    let (before, points_before) = (h.get(id).await, h.points().await);
    h.submit(vote(id, "carole", "positive", 0.9), 5).await;
    assert_eq!(h.get(id).await, before);
    assert_eq!(h.points().await, points_before);
    assert_eq!(h.stats().await.submissions, 2);
}

/// After its lease ran out, and for whoever never held it, a closed task is closed.
pub async fn rule_4_an_answer_whose_lease_ran_out_is_not_kept(h: &Harness) {
    let h = &two_agree(h);
    let id = decided_without_carole(h).await;
    h.register(&["dave"], 3).await;
    let outcome = h.submit(vote(id, "dave", "negative", 0.9), 3).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: false });
    let outcome = h.submit(vote(id, "carole", "negative", 0.9), 62).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: false });
    assert_eq!(
        h.reap(62).await.lost,
        0,
        "what stood at the decision is not lost"
    );
    let outcome = h.submit(vote(id, "carole", "negative", 0.9), 63).await;
    assert_eq!(outcome, SubmitOutcome::Closed { kept: false });
    assert_eq!(h.details(id).await.submissions.len(), 2);
}

/// There is nothing to vote on.
pub async fn an_unknown_task_takes_no_vote(h: &Harness) {
    h.register(&["alice"], 0).await;
    let unknown = TaskId::generate(at(0));
    let outcome = h.submit(vote(unknown, "alice", "positive", 0.9), 1).await;
    assert_eq!(outcome, SubmitOutcome::UnknownTask);
}

/// Each vote of a batch has its own outcome, in order.
pub async fn one_bad_vote_does_not_fail_the_batch(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let (a, b) = (h.task(2, 0).await, h.task(1, 1).await);
    h.claim("alice", 2, 2).await;
    let votes = vec![
        vote(TaskId::generate(at(0)), "alice", "x", 0.5),
        vote(a, "alice", "positive", 0.9),
        vote(a, "bob", "positive", 0.9),
        vote(a, "alice", "positive", 0.9),
        vote(b, "alice", "negative", 0.9),
        vote(b, "bob", "negative", 0.9),
    ];
    let submitted = h.at(3).submit(votes).await.unwrap();
    assert_eq!(
        submitted.outcomes,
        [
            SubmitOutcome::UnknownTask,
            ACCEPTED,
            SubmitOutcome::NotAssigned,
            SubmitOutcome::Duplicate { finalized: false },
            FINALIZED,
            SubmitOutcome::Closed { kept: false },
        ]
    );
}

/// The coordinator knows it from the registration.
pub async fn a_vote_without_a_model_gets_the_registered_one(h: &Harness) {
    let model = ModelIdentity::new("m")
        .unwrap()
        .with_precision("int8")
        .unwrap();
    h.at(0)
        .register(profile("alice").with_model(model.clone()))
        .await
        .unwrap();
    let id = h.task(2, 0).await;
    h.answer("alice", "positive", 1).await;
    assert_eq!(h.details(id).await.submissions[0].model, Some(model));
}

/// Scores, model and truncation come back as they were given.
pub async fn what_a_vote_says_is_kept(h: &Harness) {
    h.register(&["alice"], 0).await;
    let id = h.task(2, 0).await;
    h.claim("alice", 1, 0).await;
    let scores = BTreeMap::from([
        (
            label("positive"),
            Confidence::new(0.123_456_789_012_345_67).unwrap(),
        ),
        (label("negative"), Confidence::ONE),
    ]);
    let model = ModelIdentity::new("org/m")
        .unwrap()
        .with_revision("abc")
        .unwrap();
    let given = vote(id, "alice", "positive", 1.0 / 3.0)
        .with_scores(Scores::new(scores.clone()).unwrap())
        .with_model(model.clone())
        .with_truncated(true);
    h.submit(given, 1).await;
    let kept = h.details(id).await.submissions.remove(0);
    assert_eq!(kept.confidence.get(), 1.0 / 3.0);
    assert_eq!(kept.scores, Some(Scores::new(scores).unwrap()));
    assert_eq!(
        (kept.model, kept.truncated, kept.late),
        (Some(model), true, false)
    );
}
