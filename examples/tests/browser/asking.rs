//! The form that asks the market.

use ai_market_core::api::ClientApi;

use crate::browser::Browser;
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// Lets the next answer to a new task get lost on its way.
const LOSE_ONE: &str = "
    const { fetch } = window;
    window.fetch = async (address, options) => {
        const answer = await fetch(address, options);
        if (options?.method !== 'POST') return answer;
        window.fetch = fetch;
        throw new TypeError('it is lost');
    }";

async fn ask(browser: &Browser, text: &str, votes: &str) {
    browser.fill("#submit-text", text).await;
    browser.fill("#submit-votes", votes).await;
    browser.click("#submit-button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_for_an_answer_that_was_lost_asks_once() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    // The browser reports what is refused, whatever the page does.
    let expected = ["422 (Unprocessable Entity)"];
    visit(coordinator.address, &expected, async |browser| {
        browser.open(&home(&coordinator)).await;
        browser.until_says("#connection", "connected").await;
        ask(browser, "What a day!", "1000").await;
        browser.until_says("#submit-error", "at most 100").await;

        browser.run::<()>(LOSE_ONE, vec![]).await;
        ask(browser, "What a day!", "3").await;
        browser
            .until_says("#submit-error", "cannot be reached")
            .await;
        browser.click("#submit-button").await;
        browser.until_says("#submit-result", "0/3").await;
        let stats = coordinator.client().stats().await.unwrap();
        assert_eq!(stats.tasks_total(), 1);
        // Whoever asks the same once it is answered means it.
        browser.click("#submit-button").await;
        let two = "document.querySelector('[data-count=queued] > .value').innerText === '2'";
        browser.until(two).await;
    })
    .await;
}
