//! What is refused with a clear error, and changes nothing.

use super::Market;
use super::words::{claim, enqueue, register, submit, task};
use crate::api::{ApiError, ErrorCode, TaskSpec};
use crate::confidence::Confidence;
use crate::conformance::harness::{at, label, number, params, profile, task_type, vote, worker};
use crate::coordinator::Limits;
use crate::id::{Tag, TaskType};
use crate::store::{WorkerModel, WorkerProfile};
use crate::submission::{ModelIdentity, Scores};
use crate::task::NewTask;

async fn refused(market: &dyn Market, spec: TaskSpec, field: &str) {
    let error = enqueue(market, spec).await.unwrap_err();
    is_invalid(&error, field);
    assert_eq!(market.stats().await.unwrap().tasks_total(), 0);
}

fn is_invalid(error: &ApiError, field: &str) {
    assert_eq!(
        (error.code(), error.field()),
        (ErrorCode::Invalid, Some(field)),
        "{error}"
    );
    assert!(!error.message().is_empty());
}

/// There is nothing to answer.
pub async fn an_empty_text_is_refused(market: &dyn Market) {
    for text in ["", " ", "\n\t"] {
        refused(market, TaskSpec::new(text), "text").await;
    }
}

/// A byte over the limit.
pub async fn a_huge_text_is_refused(market: &dyn Market) {
    let max = Limits::default().max_text_bytes;
    refused(market, TaskSpec::new("x".repeat(max + 1)), "text").await;
    assert!(
        enqueue(market, TaskSpec::new("x".repeat(max)))
            .await
            .is_ok()
    );
}

/// A byte over the limit.
pub async fn huge_params_are_refused(market: &dyn Market) {
    let max = Limits::default().max_params_bytes;
    let spec = |n: usize| {
        let json = format!("{{\"a\": \"{}\"}}", "x".repeat(n - 8));
        TaskSpec::new("a").with_params(params(&json))
    };
    refused(market, spec(max + 1), "params").await;
    assert!(enqueue(market, spec(max)).await.is_ok());
}

/// A tag over the limit.
pub async fn too_many_tags_are_refused(market: &dyn Market) {
    let spec = |n: usize| {
        let tags = (0..n).map(|i| Tag::new(format!("tag {i}")).unwrap());
        TaskSpec::new("a").with_tags(tags)
    };
    refused(market, spec(NewTask::MAX_TAGS + 1), "tags").await;
    assert!(enqueue(market, spec(NewTask::MAX_TAGS)).await.is_ok());
}

/// Votes and attempts are bounded, and their maximum is not below what is required.
pub async fn numbers_out_of_range_are_refused(market: &dyn Market) {
    let limits = Limits::default();
    let spec = || TaskSpec::new("a");
    let votes = number(limits.max_submissions + 1);
    refused(
        market,
        spec().with_required_submissions(votes),
        "required_submissions",
    )
    .await;
    refused(
        market,
        spec().with_max_submissions(votes),
        "max_submissions",
    )
    .await;
    refused(
        market,
        spec().with_max_submissions(number(2)),
        "max_submissions",
    )
    .await;
    let attempts = number(limits.max_attempts + 1);
    refused(market, spec().with_max_attempts(attempts), "max_attempts").await;
}

/// It could never be met.
pub async fn a_deadline_in_the_past_is_refused(market: &dyn Market) {
    refused(market, TaskSpec::new("a").with_deadline(at(0)), "deadline").await;
}

/// It would wait for ever.
pub async fn a_worker_that_can_do_nothing_is_refused(market: &dyn Market) {
    let error = market
        .register(WorkerProfile::new(worker("alice"), []))
        .await
        .unwrap_err();
    is_invalid(&error, "capabilities");
    assert_eq!(market.stats().await.unwrap().workers, 0);
}

/// A byte over the limit, and the lease stays.
pub async fn a_huge_label_is_refused(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    let max = Limits::default().max_label_bytes;
    let error = submit(market, vote(id, "alice", &"x".repeat(max + 1), 0.5))
        .await
        .unwrap_err();
    is_invalid(&error, "label");
    assert_eq!(market.stats().await.unwrap().submissions, 0);
    assert!(
        submit(market, vote(id, "alice", &"x".repeat(max), 0.5))
            .await
            .is_ok()
    );
}

/// A byte over the limit, and the lease stays.
pub async fn scores_that_are_huge_together_are_refused(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    let limits = Limits::default();
    let scored = |bytes: usize| {
        let labels = (0..)
            .step_by(limits.max_label_bytes)
            .take_while(|n| *n < bytes);
        let labels = labels.enumerate().map(|(number, from)| {
            let length = limits.max_label_bytes.min(bytes - from);
            (label(&format!("{number:0>length$}")), Confidence::ZERO)
        });
        let scores = Scores::new(labels.collect()).unwrap();
        vote(id, "alice", "x", 0.5).with_scores(scores)
    };
    let max = limits.max_scores_bytes;
    let error = submit(market, scored(max + 1)).await.unwrap_err();
    is_invalid(&error, "scores");
    assert_eq!(market.stats().await.unwrap().submissions, 0);
    assert!(submit(market, scored(max)).await.is_ok());
}

/// It would never be run.
pub async fn a_model_for_a_type_that_is_no_capability_is_refused(market: &dyn Market) {
    let model = ModelIdentity::new("m").unwrap();
    let wrong = profile("alice").with_model_for(task_type("ner"), model);
    let error = market.register(wrong).await.unwrap_err();
    is_invalid(&error, "models.ner");
    assert_eq!(market.stats().await.unwrap().workers, 0);
}

/// One over the limit, and a byte over.
pub async fn a_model_with_too_many_or_huge_labels_is_refused(market: &dyn Market) {
    let limits = Limits::default();
    let with = |labels: Vec<_>| {
        let model = WorkerModel::new(ModelIdentity::new("m").unwrap());
        let models = model.with_labels(labels);
        let one = profile("alice").with_model(models.clone());
        let typed = profile("alice").with_model_for(TaskType::sentiment(), models);
        [("model", one), ("models.sentiment", typed)]
    };
    let many = |n: usize| (0..n).map(|n| label(&n.to_string())).collect();
    let huge = |bytes: usize| vec![label("a"), label(&"x".repeat(bytes))];
    for (field, profile) in with(many(limits.max_labels + 1)) {
        let error = market.register(profile).await.unwrap_err();
        is_invalid(&error, &format!("{field}.labels"));
    }
    for (field, profile) in with(huge(limits.max_label_bytes + 1)) {
        let error = market.register(profile).await.unwrap_err();
        is_invalid(&error, &format!("{field}.labels[1]"));
    }
    assert_eq!(market.stats().await.unwrap().workers, 0);
    for labels in [many(limits.max_labels), huge(limits.max_label_bytes)] {
        for (_, profile) in with(labels) {
            market.register(profile).await.unwrap();
        }
    }
}
