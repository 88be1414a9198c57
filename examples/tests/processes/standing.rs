//! How far workers are trusted, over HTTP and through restarts of the coordinator.

use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_http::HttpClient;

use crate::support::{Coordinator, Process};

/// Two honest workers and a liar answer so many tasks.
async fn answer(client: &HttpClient, tasks: usize) {
    let label = |name| {
        if name == "mallory" {
            "negative"
        } else {
            "positive"
        }
    };
    for n in 0..tasks {
        let three = NonZeroU32::new(3).unwrap();
        let task = TaskSpec::new(format!("text {n}")).with_required_submissions(three);
        let ids = client.enqueue(vec![task]).await;
        assert!(ids[0].is_ok(), "{ids:?}");
        for name in ["mallory", "alice", "bob"] {
            let worker = WorkerId::new(name).unwrap();
            let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
            client.register(profile).await.unwrap();
            let claimed = client
                .claim(ClaimRequest::new(worker.clone()))
                .await
                .unwrap();
            let label = Label::new(label(name)).unwrap();
            let vote = Vote::new(claimed[0].task, worker, label, Confidence::ONE);
            client.submit(vec![vote]).await.remove(0).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_suspended_unless_the_operator_wants_nobody_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let mut coordinator = Coordinator::start_with(&db, 0, &["--no-suspension"]);
    let client = coordinator.client();
    let mallory = WorkerId::new("mallory").unwrap();
    answer(&client, 40).await;
    let report = client.worker(mallory.clone()).await.unwrap();
    assert!(report.status.summary.standings.is_empty());

    // From now on its record counts, and what is found lasts.
    coordinator = coordinator.restart(&db, Process::kill);
    let client = coordinator.client();
    answer(&client, 1).await;
    coordinator = coordinator.restart_with(&db, Process::kill, &["--allow-ops"]);
    let client = coordinator.client();
    let report = client.worker(mallory.clone()).await.unwrap();
    assert!(report.status.standing.is_suspended());
    let refused = client.claim(ClaimRequest::new(mallory.clone())).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Suspended);
    assert!(refused.message().contains("disagreed"), "{refused}");

    client.reinstate(&mallory, None).await.unwrap();
    let claim = ClaimRequest::new(mallory).with_wait(Duration::ZERO);
    assert!(client.claim(claim).await.unwrap().is_empty());
    answer(&client, 1).await;
    assert!(coordinator.interrupt().success());
}
