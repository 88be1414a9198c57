//! The chart of the last minutes, as whoever opens the page sees it after things have happened.

use ai_market_core::id::TaskType;

use crate::crowd::{Member, create};
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// What the table beside the chart says of each minute: how many tasks were finalized, as shown.
const MINUTES: &str =
    "[...document.querySelectorAll('#chart-rows tbody tr')].map(row => row.cells[1].textContent)";

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_tells_what_was_before_the_page_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let alice = Member::join(&client, "alice", "a model", &sentiment).await;
    for text in ["one", "two", "three"] {
        create(&client, &sentiment, text, 1).await;
        alice.answer("positive").await;
    }
    let home = home(&coordinator);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&home).await;
        browser.click("#chart-table summary").await;
        // The slot of now is shown when it is over.
        let sum =
            format!("{MINUTES}.filter(n => n !== '–').reduce((sum, n) => sum + Number(n), 0)");
        browser.until(&format!("{sum} === 3")).await;
        let minutes: Vec<String> = browser.run(&format!("return {MINUTES}"), vec![]).await;
        // What was before the coordinator is not known, and no zero.
        assert_eq!(minutes.len(), 10);
        assert!(minutes[2..].iter().all(|n| n == "–"), "{minutes:?}");
        let drawn = "document.querySelector('#chart path.line').getAttribute('d').length > 0";
        browser.until(drawn).await;
    })
    .await;
}
