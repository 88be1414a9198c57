//! Who may do a task, and what one waits for that too few may do.

use std::time::Duration;

use super::Market;
use super::insight::{model, status};
use super::words::{answer, claim, enqueue, register, submit, task};
use crate::api::{ApiError, ClaimRequest, ErrorCode, TaskSpec};
use crate::conformance::harness::{number, profile, task_type, vote, worker};
use crate::consensus::Standing;
use crate::id::TaskType;
use crate::store::WorkerProfile;

const NOW: Duration = Duration::ZERO;

/// It waits, and the client learns why.
pub async fn a_task_of_a_type_that_nobody_serves_says_so(market: &dyn Market) {
    register(market, &["alice"]).await;
    let ner = TaskSpec::new("a").with_task_type(task_type("ner"));
    let id = enqueue(market, ner).await.unwrap();
    let details = market.task(id, NOW).await.unwrap();
    assert_eq!(details.able_workers, Some(0));
    let waiting_for = details.waiting_for().expect("it waits for a worker");
    assert!(waiting_for.contains("ner"), "{waiting_for}");
}

/// Each worker has one vote.
pub async fn a_task_that_wants_more_workers_than_there_are_says_so(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let id = task(market, "a", 3).await;
    for name in ["alice", "bob"] {
        answer(market, name, "yes").await;
    }
    let details = market.task(id, NOW).await.unwrap();
    let waiting_for = details.waiting_for().expect("it waits for a third one");
    assert!(waiting_for.contains("3 workers") && waiting_for.contains("2 live workers"));
}

/// A closed task waits for nobody.
pub async fn an_open_task_tells_how_many_workers_are_able(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let other = WorkerProfile::new(worker("carole"), [task_type("ner")]);
    market.register(other).await.unwrap();
    let id = task(market, "a", 1).await;
    let details = market.task(id, NOW).await.unwrap();
    assert_eq!(
        (details.able_workers, details.waiting_for()),
        (Some(2), None)
    );
    answer(market, "alice", "yes").await;
    let details = market.task(id, NOW).await.unwrap();
    assert_eq!((details.able_workers, details.waiting_for()), (None, None));
}

/// It is told why, and everybody can see it.
pub async fn a_worker_that_always_disagrees_gets_no_more_tasks(market: &dyn Market) {
    register(market, &["alice", "bob", "carole"]).await;
    let claim_as_carole = || async { market.claim(ClaimRequest::new(worker("carole"))).await };
    let mut refused: Option<ApiError> = None;
    for _ in 0..100 {
        let id = task(market, "a", 3).await;
        match claim_as_carole().await {
            Ok(claimed) => {
                assert_eq!(claimed[0].task, id);
                submit(market, vote(id, "carole", "no", 0.9)).await.unwrap();
            }
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
        for name in ["alice", "bob"] {
            answer(market, name, "yes").await;
        }
    }
    let error = refused.expect("nobody is wrong a hundred times and stays");
    assert_eq!(error.code(), ErrorCode::Suspended, "{error}");
    assert!(error.retry_after().is_some());
    let carole = status(market, "carole").await;
    let Standing::Suspended { reason } = &carole.standing else {
        panic!("{carole:?}");
    };
    assert!(error.message().contains(reason), "{error}");
    let standing = carole.summary.standings.of(&TaskType::sentiment());
    assert_eq!(standing.map(|of| &of.standing), Some(&carole.standing));
    assert_eq!(status(market, "alice").await.standing, Standing::Active);
}

/// Two workers with one model are one opinion, and a model that was not registered is refused.
pub async fn where_models_are_distinct_each_answers_once(market: &dyn Market) {
    for (name, id) in [("alice", "a"), ("bob", "a"), ("carole", "c")] {
        let profile = profile(name).with_model(model(id));
        market.register(profile).await.unwrap();
    }
    register(market, &["dave"]).await;
    let spec = TaskSpec::new("a").with_required_submissions(number(2));
    let id = enqueue(market, spec.with_distinct_models(true))
        .await
        .unwrap();
    assert!(market.task(id, NOW).await.unwrap().task.distinct_models);
    assert_eq!(claim(market, "alice", 1).await, [id]);
    for name in ["bob", "dave"] {
        assert!(claim(market, name, 1).await.is_empty(), "{name}");
    }
    let other = vote(id, "alice", "yes", 0.9).with_model(model("b"));
    let error = submit(market, other).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::OtherModel, "{error}");
    assert_eq!(error.field(), Some("model"));
    submit(market, vote(id, "alice", "yes", 0.9)).await.unwrap();
    let (answered, receipt) = answer(market, "carole", "yes").await;
    assert_eq!((answered, receipt.finalized()), (id, true));
}
