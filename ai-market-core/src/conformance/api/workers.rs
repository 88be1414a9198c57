//! What a worker asks for.

use std::collections::BTreeMap;

use super::Market;
use super::words::{answer, claim, enqueue, register, submit, task};
use crate::api::{ClaimRequest, ErrorCode, Heartbeat, Receipt, ReleaseRequest, TaskSpec};
use crate::assignment::Assignment;
use crate::confidence::Confidence;
use crate::conformance::harness::{at, label, number, profile, task_type, vote, worker};
use crate::id::{InstanceId, RequestId, TaskId, TaskType};
use crate::store::LeaderboardQuery;
use crate::submission::{ModelIdentity, Scores};
use crate::task::TaskStatus;
use std::time::Duration;

const NOW: Duration = Duration::ZERO;

/// Create, claim, submit, decide, pay.
pub async fn a_task_lives_from_creation_to_points(market: &dyn Market) {
    register(market, &["alice", "bob", "carole"]).await;
    let id = task(market, "What a day!", 3).await;
    let (_, first) = answer(market, "alice", "positive").await;
    let (_, second) = answer(market, "bob", "negative").await;
    assert_eq!((first.finalized(), second.finalized()), (false, false));
    let (answered, third) = answer(market, "carole", "positive").await;
    assert_eq!(
        (answered, third),
        (id, Receipt::Accepted { finalized: true })
    );
    let details = market.task(id, NOW).await.unwrap();
    assert_eq!(details.task.status(), TaskStatus::Finalized);
    assert_eq!(details.task.final_label(), Some(&label("positive")));
    let who: Vec<_> = details
        .submissions
        .iter()
        .map(|vote| vote.worker.as_str())
        .collect();
    assert_eq!(who, ["alice", "bob", "carole"]);
    let board = market.leaderboard(LeaderboardQuery::new(10)).await.unwrap();
    let board: Vec<_> = board
        .iter()
        .map(|s| (s.worker.as_str(), s.points))
        .collect();
    assert_eq!(board, [("alice", 1), ("carole", 1), ("bob", 0)]);
}

/// Replicas run side by side.
pub async fn three_workers_hold_one_task_at_the_same_time(market: &dyn Market) {
    register(market, &["alice", "bob", "carole"]).await;
    let id = task(market, "a", 3).await;
    for name in ["alice", "bob", "carole"] {
        assert_eq!(claim(market, name, 1).await, [id]);
    }
    let details = market.task(id, NOW).await.unwrap();
    let holders: Vec<_> = details
        .leases
        .iter()
        .map(|lease| lease.worker.as_str())
        .collect();
    assert_eq!(holders, ["alice", "bob", "carole"]);
    assert_eq!(details.task.status(), TaskStatus::Assigned);
}

/// A worker learns how long its leases last and how often to send a heartbeat.
pub async fn registering_tells_the_terms(market: &dyn Market) {
    let terms = market.register(profile("alice")).await.unwrap();
    assert_eq!(terms.lease, Duration::from_secs(60));
    assert_eq!(terms.heartbeat, Duration::from_secs(15));
}

/// As workers of the original system do.
pub async fn a_worker_that_claims_unregistered_gets_sentiment_tasks(market: &dyn Market) {
    let ner = TaskSpec::new("b").with_task_type(task_type("ner"));
    enqueue(market, ner).await.unwrap();
    let id = task(market, "a", 1).await;
    assert_eq!(claim(market, "newcomer", 5).await, [id]);
    assert!(
        submit(market, vote(id, "newcomer", "positive", 0.5))
            .await
            .unwrap()
            .finalized()
    );
}

/// Its answer may have been lost. Another id, or none, is another claim.
pub async fn a_repeated_claim_gives_the_same_leases(market: &dyn Market) {
    register(market, &["alice"]).await;
    for text in ["a", "b", "c", "d"] {
        task(market, text, 1).await;
    }
    let claim = async |request: &str| {
        let request = RequestId::new(request).unwrap();
        let claim = ClaimRequest::new(worker("alice")).with_limit(2);
        market.claim(claim.with_request(request)).await.unwrap()
    };
    let first = claim("claim é 1").await;
    assert_eq!(
        first.iter().map(|a| &*a.text).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let again = claim("claim é 1").await;
    let tasks = |claimed: &[Assignment]| -> Vec<_> {
        let tasks = claimed
            .iter()
            .map(|a| (a.task, a.text.clone(), a.task_type.clone()));
        tasks.collect()
    };
    assert_eq!(tasks(&again), tasks(&first));
    assert!(again[0].lease_until >= first[0].lease_until);
    let other = claim("2").await;
    assert_eq!(
        other.iter().map(|a| &*a.text).collect::<Vec<_>>(),
        ["c", "d"]
    );
    let details = market.task(first[0].task, NOW).await.unwrap();
    assert_eq!((details.leases.len(), details.task.attempts), (1, 0));
}

/// The first answer stands.
pub async fn a_repeated_vote_is_a_duplicate(market: &dyn Market) {
    register(market, &["alice"]).await;
    task(market, "a", 2).await;
    let (id, _) = answer(market, "alice", "positive").await;
    let again = submit(market, vote(id, "alice", "negative", 0.9))
        .await
        .unwrap();
    assert_eq!(again, Receipt::Duplicate { finalized: false });
}

/// Nobody votes on what it was not given, and nothing changes.
pub async fn a_vote_without_a_lease_is_refused(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 2).await;
    for name in ["alice", "nobody"] {
        let error = submit(market, vote(id, name, "positive", 0.9))
            .await
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotAssigned);
    }
    let unknown = TaskId::generate(at(0));
    let error = submit(market, vote(unknown, "alice", "positive", 0.9))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownTask);
    assert_eq!(market.stats().await.unwrap().submissions, 0);
}

/// What is decided is decided.
pub async fn a_vote_on_a_closed_task_is_refused(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    task(market, "a", 1).await;
    let (id, _) = answer(market, "alice", "positive").await;
    let error = submit(market, vote(id, "bob", "negative", 0.9))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Closed);
}

/// One bad vote does not fail the others.
pub async fn a_batch_of_votes_has_a_result_each(market: &dyn Market) {
    register(market, &["alice"]).await;
    let (a, b) = (task(market, "a", 2).await, task(market, "b", 1).await);
    claim(market, "alice", 2).await;
    let unknown = TaskId::generate(at(0));
    let votes = [a, unknown, b]
        .map(|id| vote(id, "alice", "positive", 0.9))
        .to_vec();
    let results = market.submit(votes).await;
    assert_eq!(results.len(), 3);
    assert_eq!(
        results[0].as_ref().unwrap(),
        &Receipt::Accepted { finalized: false }
    );
    assert_eq!(
        results[1].as_ref().unwrap_err().code(),
        ErrorCode::UnknownTask
    );
    assert_eq!(
        results[2].as_ref().unwrap(),
        &Receipt::Accepted { finalized: true }
    );
    assert!(market.submit(Vec::new()).await.is_empty());
}

/// The worker drops what it does not hold.
pub async fn a_heartbeat_tells_what_is_gone(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let (a, b) = (task(market, "a", 1).await, task(market, "b", 1).await);
    assert_eq!(claim(market, "alice", 1).await, [a]);
    assert_eq!(claim(market, "bob", 1).await, [b]);
    let named = Heartbeat::new(worker("alice")).with_tasks(vec![b, a]);
    assert_eq!(market.heartbeat(named).await.unwrap().gone, [b]);
    let bare = Heartbeat::new(worker("alice"));
    assert!(market.heartbeat(bare).await.unwrap().gone.is_empty());
}

/// It learns that it must register.
pub async fn a_heartbeat_of_an_unknown_worker_is_refused(market: &dyn Market) {
    let error = market
        .heartbeat(Heartbeat::new(worker("nobody")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownWorker);
}

/// It learns that its place is taken.
pub async fn a_heartbeat_of_an_earlier_instance_is_refused(market: &dyn Market) {
    let instance = |name| InstanceId::new(name).unwrap();
    for name in ["one", "two"] {
        market
            .register(profile("alice").with_instance(instance(name)))
            .await
            .unwrap();
    }
    let beat =
        |name| market.heartbeat(Heartbeat::new(worker("alice")).with_instance(instance(name)));
    assert_eq!(beat("one").await.unwrap_err().code(), ErrorCode::Superseded);
    assert!(beat("two").await.is_ok());
}

/// Giving back is free.
pub async fn a_released_task_goes_to_another_worker(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let id = task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    assert!(claim(market, "bob", 1).await.is_empty());
    let release = ReleaseRequest::new(worker("alice"), vec![id]);
    assert_eq!(market.release(release.clone()).await.unwrap(), 1);
    assert_eq!(market.release(release).await.unwrap(), 0);
    assert_eq!(claim(market, "bob", 1).await, [id]);
}

/// A worker that stops does not have to know what it was given last.
pub async fn releasing_all_gives_back_whatever_is_held(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let ids = [task(market, "a", 1).await, task(market, "b", 1).await];
    assert_eq!(claim(market, "alice", 2).await, ids);
    assert_eq!(
        market
            .release(ReleaseRequest::all(worker("alice")))
            .await
            .unwrap(),
        2
    );
    assert_eq!(claim(market, "bob", 2).await, ids);
}

/// And says why.
pub async fn a_task_that_fails_often_enough_fails(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let spec = TaskSpec::new("a").with_max_attempts(number(2));
    let id = enqueue(market, spec).await.unwrap();
    for name in ["alice", "bob"] {
        claim(market, name, 1).await;
        let release = ReleaseRequest::new(worker(name), vec![id]).failed("cannot read it");
        assert_eq!(market.release(release).await.unwrap(), 1);
    }
    let task = market.task(id, NOW).await.unwrap().task;
    let crate::task::TaskState::Failed { reason, .. } = task.state else {
        panic!("failed")
    };
    assert!(reason.contains("cannot read it"), "{reason}");
}

/// Scores, model and truncation.
pub async fn what_a_vote_says_comes_back(market: &dyn Market) {
    let model = ModelIdentity::new("m").unwrap().with_revision("1").unwrap();
    let registered = profile("alice").with_model(model.clone());
    market.register(registered).await.unwrap();
    let id = task(market, "a", 1).await;
    let claimed = market
        .claim(crate::api::ClaimRequest::new(worker("alice")))
        .await
        .unwrap();
    assert_eq!(
        (&*claimed[0].text, &claimed[0].task_type),
        ("a", &TaskType::sentiment())
    );
    let confidence = Confidence::new(0.123_456_789_012_345_67).unwrap();
    let scores = BTreeMap::from([(label("positive"), confidence)]);
    let given = vote(id, "alice", "positive", confidence.get())
        .with_scores(Scores::new(scores).unwrap())
        .with_truncated(true);
    submit(market, given.clone()).await.unwrap();
    let kept = market.task(id, NOW).await.unwrap().submissions.remove(0);
    assert_eq!(
        (kept.label, kept.confidence, kept.scores),
        (given.label, confidence, given.scores)
    );
    assert_eq!(
        (kept.model, kept.truncated, kept.late),
        (Some(model), true, false)
    );
}
