//! What operators do with workers, and what they look up.

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::id::TaskType;

use crate::browser::Browser;
use crate::crowd::{Member, create};
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// More than the page asks for when it looks back, and than may be created at once.
const MANY: [usize; 2] = [1_000, 100];

async fn confirm(browser: &Browser, reason: Option<&str>, done: &str) {
    browser.until_shown("#dialog").await;
    if let Some(reason) = reason {
        browser.fill("#dialog-reason", reason).await;
    }
    browser.click("#dialog-confirm").await;
    browser.until_says("#done", done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_suspended_and_reinstated_from_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::start_with(&db, 0, &["--allow-ops"]);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let home = home(&coordinator);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&format!("{home}#/workers")).await;
        browser.until_says("#workers-empty", "No worker is here yet").await;
        let command = format!("-- alice --coordinator http://{}", coordinator.address);
        browser.until_says("#workers-empty", &command).await;

        for id in ["alice", "bob"] {
            Member::join(&client, id, "a model", &sentiment).await;
        }
        let row = "tr[data-worker-id=alice]";
        let button = |action: &str| format!("{row} [data-action={action}]");
        browser.click(&button("suspend")).await;
        confirm(browser, Some("It is a test."), "alice is suspended for all types.").await;
        // Whoever uses no mouse goes on from the same row.
        browser.until_shown(&button("reinstate")).await;
        browser.until("document.activeElement.dataset.action === 'reinstate'").await;
        assert!(!browser.is_shown(&button("suspend")).await);
        let standing = "return document.querySelector('tr[data-worker-id=alice] [data-label=Standing]').innerText";
        assert_eq!(browser.run::<String>(standing, vec![]).await, "suspended");
        assert!(!browser.is_shown("tr[data-worker-id=bob] [data-action=reinstate]").await);
        // They send no heartbeats.
        browser.until_says("#workers-empty", "No worker is active").await;
        browser.until_says("#workers-empty", &command).await;

        browser.open(&format!("{home}#/workers/alice")).await;
        browser.until_says("#worker-standings", "all types").await;
        browser.click("#reinstate-button").await;
        confirm(browser, None, "alice is reinstated for all types.").await;
        browser.until_says("[data-field=standing]", "active").await;
        browser.until("document.activeElement.id === 'suspend-button'").await;
        assert!(!browser.is_shown("#reinstate-button").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_cancelled_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let alice = Member::join(&client, "alice", "a model", &sentiment).await;
    let id = create(&client, &sentiment, "What a day!", 2).await;
    alice.answer("positive").await;
    let home = home(&coordinator);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&format!("{home}#/tasks/{id}")).await;
        browser.click("#cancel-button").await;
        confirm(browser, Some("It has a typo."), "is cancelled.").await;
        browser.until_says("[data-field=status]", "cancelled").await;
        browser
            .until_says("[data-field=failure_reason]", "It has a typo.")
            .await;
        assert!(!browser.is_shown("#cancel-button").await);
        browser
            .until_says("#task-events", "cancelled: It has a typo.")
            .await;

        browser.open(&format!("{home}#/?status=cancelled")).await;
        browser.until_says("#tasks-body", "What a day!").await;
        browser
            .until_says("[data-count=failed]", "1 cancelled")
            .await;
        browser
            .open(&format!("{home}#/log?event=task_cancelled"))
            .await;
        browser
            .until_says("#log", "cancelled: It has a typo.")
            .await;

        // What happens elsewhere shows at once.
        let other = create(&client, &sentiment, "What a night!", 1).await;
        browser.open(&format!("{home}#/tasks/{other}")).await;
        browser.until_shown("#cancel-button").await;
        client.cancel(other, None).await.unwrap();
        browser.until_says("[data-field=status]", "cancelled").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_a_task_is_found_however_long_ago_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let alice = Member::join(&client, "alice", "a model", &sentiment).await;
    let old = create(&client, &sentiment, "Long ago.", 1).await;
    alice.answer("positive").await;
    for many in MANY {
        let specs = (0..many).map(|n| TaskSpec::new(format!("text {n}")));
        let created = client.enqueue(specs.collect()).await;
        assert!(created.iter().all(Result::is_ok));
    }
    let home = home(&coordinator);
    visit(coordinator.address, &[], async |browser| {
        for (view, events, first) in [
            (format!("tasks/{old}"), "#task-events", "created"),
            ("workers/alice".to_owned(), "#worker-events", "registered"),
        ] {
            browser.open(&format!("{home}#/{view}")).await;
            browser.click(&format!("{events}-earlier")).await;
            browser.until_says(events, first).await;
            browser.until_says(events, "answered").await;
        }
    })
    .await;
}
