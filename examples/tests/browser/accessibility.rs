//! The dashboard for people who see little, or use it without a mouse.

use ai_market_core::id::TaskType;

use crate::access::{Guarded, log_in};
use crate::axe::Axe;
use crate::browser::{Browser, Look};
use crate::crowd::{Member, create};
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// Fails when anything is wrong with what is shown now, in whatever look.
async fn audit(axe: &Axe, browser: &Browser, view: &str) {
    for look in [Look::Light, Look::Dark, Look::Phone] {
        browser.look(look).await;
        let violations = axe.violations(browser).await;
        assert!(
            violations.is_empty(),
            "{view}, {look:?}: {}",
            violations.join("\n")
        );
        let overflow = "return document.documentElement.scrollWidth - innerWidth";
        let overflow: i64 = browser.run(overflow, vec![]).await;
        assert!(
            overflow <= 0,
            "{view}, {look:?} is {overflow} pixels too wide"
        );
    }
    browser.look(Look::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_can_be_used_by_everybody() {
    let Some(axe) = Axe::fetch().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let mut crowd = Vec::new();
    for id in ["alice", "bob", "mallory"] {
        crowd.push(Member::join(&client, id, &format!("the-model-of/{id}"), &sentiment).await);
    }
    let decided = create(&client, &sentiment, "What a day!", 3).await;
    for (member, label) in crowd.iter().zip(["positive", "positive", "negative"]) {
        member.answer(label).await;
    }
    create(&client, &sentiment, "Nobody can tell.", 1).await;
    for member in &crowd[..2] {
        member.fail("it is too long").await;
    }
    let open = create(&client, &sentiment, "What a night!", 3).await;
    crowd[1].answer("positive").await;
    let market = Guarded::start(coordinator, folder.path());
    let home = home(&market.coordinator);
    visit(
        market.coordinator.address,
        &["401 (Unauthorized)"],
        async |browser| {
            browser.open(&home).await;
            browser.until_shown("#view-login").await;
            audit(&axe, browser, "login").await;
            log_in(browser, &market.admin).await;
            browser.until_says("#tasks-body", "What a day!").await;
            for (view, shown, text) in [
                (String::new(), "#tasks-body", "What a day!"),
                (format!("tasks/{decided}"), "#task-details", "What a day!"),
                (format!("tasks/{open}"), "#task-details", "What a night!"),
                ("workers".to_owned(), "#workers-body", "alice"),
                ("workers/mallory".to_owned(), "#worker-details", "mallory"),
                ("leaderboard".to_owned(), "#leaderboard-body", "alice"),
                ("?status=failed".to_owned(), "#tasks-chip", "failed"),
                ("log".to_owned(), "#view-log", "Log"),
                ("log?event=task_failed&q=x".to_owned(), "#log-chip", "x"),
                ("keys".to_owned(), "#keys-body", "client"),
            ] {
                browser.open(&format!("{home}#/{view}")).await;
                browser.until_says(shown, text).await;
                audit(&axe, browser, &view).await;
            }
            browser.open(&format!("{home}#/workers/alice")).await;
            browser.click("#suspend-button").await;
            browser.until_shown("#dialog").await;
            audit(&axe, browser, "a confirmation").await;
            browser.fill("#dialog-reason", "It is a test.").await;
            browser.click("#dialog-confirm").await;
            browser.until_says("#done", "alice is suspended").await;
            audit(&axe, browser, "what was done").await;
            browser.click("#nav-keys").await;
            browser.click("#key-create").await;
            browser.click("#dialog-confirm").await;
            browser.until_shown("#new-key").await;
            audit(&axe, browser, "a new key").await;
        },
    )
    .await;
}
