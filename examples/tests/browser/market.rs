//! A market at work, as somebody sees it who looks at the dashboard.

use ai_market_core::api::{ClientApi, TaskSpec};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{Coordinator, Process};
use crate::visit::{home, visit};

/// Leaves something in the page that a reload would take away.
async fn mark(browser: &Browser) {
    browser.run::<()>("window.same = true", vec![]).await;
}

/// Fails when the page was loaded again since it was marked.
async fn is_marked(browser: &Browser) -> bool {
    browser.run("return window.same === true", vec![]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_asked_and_answered_and_the_leaderboard_moves_without_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let _workers = ["alice", "bob", "carole"]
        .map(|id| Process::worker_with(id, coordinator.address, &["--model", "bundled"]));
    visit(coordinator.address, &[], async |browser| {
        browser.open(&home(&coordinator)).await;
        mark(browser).await;
        browser.fill("#submit-text", "What a lovely day!").await;
        browser.click("#submit-button").await;
        browser.until_says("#submit-result", "positive").await;
        browser.until_says("#submit-result", "100 %").await;
        browser
            .until_says("#tasks-body", "What a lovely day!")
            .await;

        browser.click("[data-nav=leaderboard]").await;
        let points = |points: u32| {
            let rows = "[...document.querySelectorAll('#leaderboard-body tr')]";
            let points = json!(points.to_string());
            format!(
                "{rows}.length === 3 && {rows}.every(row => \
                 row.querySelector('[data-label=Points]').innerText === {points})"
            )
        };
        browser.until(&points(1)).await;
        let text = TaskSpec::new("The soup was cold and the waiter rude.");
        let created = coordinator.client().enqueue(vec![text]).await;
        assert!(created[0].is_ok(), "{created:?}");
        browser.until(&points(2)).await;
        assert!(is_marked(browser).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_by_itself_when_the_coordinator_was_killed_and_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::start(&db, 0);
    let address = coordinator.address;
    // The browser reports what it does not reach or find, whatever the page does.
    let expected = ["net::ERR_", "404 (Not Found)"];
    visit(address, &expected, async |browser| {
        browser.open(&home(&coordinator)).await;
        browser
            .until("document.querySelector('#connection').dataset.state === 'connected'")
            .await;
        mark(browser).await;
        let nothing = "#/tasks/01890a5d-ac96-774b-bcce-b302099a8057";
        browser
            .open(&format!("{}{nothing}", home(&coordinator)))
            .await;
        browser.until_shown("#view-task").await;
        browser.click("[data-nav=overview]").await;
        // It is killed.
        drop(coordinator);
        browser
            .until("document.querySelector('#connection').dataset.state !== 'connected'")
            .await;
        browser.until_says("#connection", "no coordinator").await;
        // What was never there to be shown is said where it would be.
        for view in ["workers", "leaderboard"] {
            browser.click(&format!("[data-nav={view}]")).await;
            let says = format!("#{view}-empty");
            browser.until_says(&says, "cannot be shown").await;
        }
        browser.click("[data-nav=overview]").await;

        let coordinator = Coordinator::start(&db, address.port());
        browser
            .until("document.querySelector('#connection').dataset.state === 'connected'")
            .await;
        let text = TaskSpec::new("Is anybody there?");
        let created = coordinator.client().enqueue(vec![text]).await;
        assert!(created[0].is_ok(), "{created:?}");
        browser.until_says("#tasks-body", "Is anybody there?").await;
        assert!(is_marked(browser).await);
    })
    .await;
}

/// It begins with what is seen first; the rest may come after the coordinator has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_not_loaded_whole_is_once_the_coordinator_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::start(&db, 0);
    let address = coordinator.address;
    visit(address, &["net::ERR_"], async |browser| {
        browser.open(&home(&coordinator)).await;
        browser
            .until("document.querySelector('#connection').dataset.state === 'connected'")
            .await;
        drop(coordinator);
        browser.until_says("#connection", "no coordinator").await;
        browser.click("[data-nav=workers]").await;
        let coordinator = Coordinator::start(&db, address.port());
        browser
            .until_says("#workers-empty", "No worker is here yet")
            .await;
        drop(coordinator);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_left_takes_no_connection_from_those_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let created = coordinator
        .client()
        .enqueue(vec![TaskSpec::new("Is anybody there?")])
        .await;
    assert!(created[0].is_ok(), "{created:?}");
    visit(coordinator.address, &[], async |browser| {
        // A browser opens six connections to one address.
        for _ in 0..8 {
            browser.open(&home(&coordinator)).await;
            browser.until_says("#connection", "connected").await;
            browser.until_says("#tasks-body", "Is anybody there?").await;
            browser.open("about:blank").await;
        }
    })
    .await;
}
