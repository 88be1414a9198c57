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
        // With it come the views that it does not begin with.
        browser.click("[data-nav=workers]").await;
        browser.until_shown("#view-workers").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_times_do_not_say_more_than_is_so() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&home(&coordinator)).await;
        let script = "
            const { percent, rate, seconds, stamp } = await import('./dashboard/format.js');
            const today = new Date(2026, 10, 25, 9, 30);
            return [
                ...[0.0004, 0.9996, 59.7, 119.6, 3599.7].map(seconds),
                ...[0, 0.0004, 0.9996, 1].map(percent),
                ...[0, 0.004, 0.03, 9.97, 1234].map(rate),
                stamp(today, today), stamp(today - 86_400_000, today),
            ]";
        let written: Vec<String> = browser.run_async(script, vec![]).await;
        let expected = [
            "< 1 ms",
            "1.0 s",
            "1 min 0 s",
            "2 min 0 s",
            "1 h 0 min",
            "0 %",
            "< 0.1 %",
            "99.9 %",
            "100 %",
            "0",
            "< 0.01",
            "0.03",
            "10",
            "1,234",
            "09:30:00",
            "24 Nov 09:30:00",
        ];
        assert_eq!(written, expected);
    })
    .await;
}
