//! What the page costs.

use ai_market_core::api::{ClientApi, TaskSpec};

use crate::support::Coordinator;
use crate::visit::{home, visit};

const MOST_BYTES: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_its_first_data_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let specs = (0..1_000).map(|n| TaskSpec::new(format!("The {n}. text that somebody wrote.")));
    let created = coordinator.client().enqueue(specs.collect()).await;
    assert!(created.iter().all(Result::is_ok));
    visit(coordinator.address, &[], async |browser| {
        browser.open(&home(&coordinator)).await;
        browser
            .until_says("#tasks-body", "text that somebody wrote")
            .await;
        let journal = browser.journal().await;
        let (bytes, requests) = (journal.bytes(), journal.requests.len());
        println!("{bytes} bytes in {requests} requests");
        assert!(
            bytes < MOST_BYTES,
            "{bytes} bytes in {:#?}",
            journal.requests
        );
    })
    .await;
}
