//! The lists of the dashboard, narrowed to some of what they hold.

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::id::TaskType;
use serde_json::json;

use crate::browser::Browser;
use crate::crowd::{Member, create};
use crate::support::{Coordinator, Process};
use crate::visit::{home, visit};

const ENTER: char = '\u{e007}';

/// What the rows of tasks that are shown are, as an expression.
const ROWS: &str = "[...document.querySelectorAll('#tasks-body tr')].filter(row => !row.hidden)";

/// Waits until the texts of the tasks that are shown are these, newest first.
async fn until_listed(browser: &Browser, texts: &[&str]) {
    let shown = format!("{ROWS}.map(row => row.querySelector('a').innerText)");
    let texts = json!(json!(texts).to_string());
    browser
        .until(&format!("JSON.stringify({shown}) === {texts}"))
        .await;
}

/// Chooses in a list to choose from.
async fn choose(browser: &Browser, selector: &str, value: &str) {
    let script = "
        const list = document.querySelector(arguments[0]);
        list.value = arguments[1];
        list.dispatchEvent(new Event('change', { bubbles: true }))";
    browser
        .run::<()>(script, vec![json!(selector), json!(value)])
        .await;
}

async fn until_at(browser: &Browser, hash: &str) {
    let hash = json!(hash);
    browser.until(&format!("location.hash === {hash}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_come_and_go_as_they_fit_what_the_address_says() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    visit(coordinator.address, &[], async |browser| {
        let home = home(&coordinator);
        browser.open(&home).await;
        let help = format!("alice --coordinator http://{}", coordinator.address);
        browser.until_says("#start", &help).await;
        browser.until_says("#tasks-empty", "curl").await;

        let alice = Member::join(&client, "alice", "a model", &sentiment).await;
        for (text, votes) in [("first", 1), ("second", 1), ("third", 2)] {
            create(&client, &sentiment, text, votes).await;
        }
        // To the page that comes this is the past, for which it asks nothing anew.
        browser.open("about:blank").await;
        browser.open(&format!("{home}#/?status=queued")).await;
        until_listed(browser, &["third", "second", "first"]).await;
        alice.answer("positive").await;
        until_listed(browser, &["third", "second"]).await;
        choose(browser, "#tasks-status", "finalized").await;
        until_at(browser, "#/?status=finalized").await;
        until_listed(browser, &["first"]).await;
        // The coordinator has answered, and what was listed before is not hidden but gone.
        browser
            .until("document.querySelectorAll('#tasks-body tr').length === 1")
            .await;
        alice.answer("positive").await;
        until_listed(browser, &["second", "first"]).await;

        // One of two votes: nobody is at it any more.
        browser.click("#tasks-chip button").await;
        until_at(browser, "#/").await;
        until_listed(browser, &["third", "second", "first"]).await;
        alice.answer("positive").await;
        let waits = "row.dataset.status === 'queued' && row.innerText.includes('1/2')";
        browser.until(&format!("{ROWS}.some(row => {waits})")).await;

        browser.click("[data-count=failed]").await;
        until_at(browser, "#/?status=failed").await;
        browser
            .until_says("#tasks-empty", "No task fits the filter.")
            .await;
        browser
            .until("document.activeElement.id === 'tasks-title'")
            .await;

        // Nobody has said since that they are there.
        for (presence, workers) in [("active", "0"), ("stale", "0"), ("gone", "1")] {
            let value = format!("[data-count={presence}] > .value");
            browser.until_says(&value, workers).await;
        }
        browser.until_shown("#start").await;
        let options = ["--model", "bundled"];
        let _carole = Process::worker_with("carole", coordinator.address, &options);
        for (presence, workers) in [("active", "1"), ("stale", "0"), ("gone", "1")] {
            let value = format!("[data-count={presence}] > .value");
            browser.until_says(&value, workers).await;
        }
        browser
            .until("document.querySelector('#start').hidden")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_at_the_top_opens_what_it_names_and_filters_else() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    Member::join(&client, "alice", "a model", &sentiment).await;
    let sunny = create(&client, &sentiment, "sunny", 1).await.to_string();
    create(&client, &sentiment, "rainy", 1).await;
    // The browser reports what is not there, whatever the page does.
    visit(coordinator.address, &["404 (Not Found)"], async |browser| {
        browser.open(&home(&coordinator)).await;
        until_listed(browser, &["rainy", "sunny"]).await;
        browser.fill("#search", "sun").await;
        until_listed(browser, &["sunny"]).await;
        until_at(browser, "#/?q=sun").await;
        browser.fill("#search", &format!("nobody{ENTER}")).await;
        browser
            .until_says("#tasks-empty", "None of the 2 tasks shown")
            .await;
        browser
            .until_says("#search-says", "No task and no worker")
            .await;
        // A word is for the list that it was said of.
        browser.click("[data-nav=workers]").await;
        browser.until_says("#workers-body", "alice").await;
        assert_eq!(browser.value("#search").await, "");

        let short = &sunny[sunny.len() - 8..];
        browser.fill("#search", &format!("{short}{ENTER}")).await;
        until_at(browser, &format!("#/tasks/{sunny}")).await;
        browser.fill("#search", &format!("alice{ENTER}")).await;
        until_at(browser, "#/workers/alice").await;
        browser.fill("#search", &format!("rain{ENTER}")).await;
        until_at(browser, "#/?q=rain").await;
        until_listed(browser, &["rainy"]).await;
        browser
            .until_says("#search-says", "No task and no worker")
            .await;
        browser.fill("#search", &format!("{sunny}{ENTER}")).await;
        until_at(browser, &format!("#/tasks/{sunny}")).await;
    })
    .await;
}

/// Counts how often what is read out changes.
const LISTEN: &str = "
    window.said = [];
    new MutationObserver(() => said.push(document.querySelector('#log-says').textContent))
        .observe(document.querySelector('#log-says'), { childList: true, subtree: true });";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_stays_in_the_log_however_much_else_happens() {
    const WORKERS: usize = 9;
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let many = async |n: usize| {
        let specs = (0..n).map(|n| TaskSpec::new(format!("text {n}")));
        let created = client.enqueue(specs.collect()).await;
        assert!(created.iter().all(Result::is_ok));
    };
    Member::join(&client, "earlier", "a model", &sentiment).await;
    many(1_000).await;
    many(1_000).await;
    visit(coordinator.address, &[], async |browser| {
        // It happened before the page was there, and is not among the newest thousand events.
        let home = home(&coordinator);
        browser
            .open(&format!("{home}#/log?event=worker_registered"))
            .await;
        browser.until_says("#log", "earlier registered").await;
        browser.fill("#search", "nothing").await;
        browser
            .until_says("#log-empty", "No event fits the filter.")
            .await;

        browser.click("#log-chip button").await;
        until_at(browser, "#/log").await;
        browser.until_says("#log", "created").await;
        browser.run::<()>(LISTEN, vec![]).await;
        for n in 0..WORKERS {
            many(200).await;
            Member::join(&client, &format!("later-{n}"), "a model", &sentiment).await;
        }
        let later = "[...document.querySelectorAll('#log [data-event=worker_registered]')]
            .filter(line => line.innerText.includes('later-'))";
        browser
            .until(&format!("{later}.length === {WORKERS}"))
            .await;
        browser.until_says("#log-skipped", "skipped").await;
        let said: Vec<String> = browser.run("return said", vec![]).await;
        assert_eq!(said.len(), 1, "{said:?}");
    })
    .await;
}
