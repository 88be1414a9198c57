//! A market that asks for keys, as its operator and its clients see it.

use std::path::Path;

use ai_market_core::access::{ApiKey, KeyId};
use ai_market_core::id::TaskType;
use thirtyfour::Key;

use crate::browser::Browser;
use crate::crowd::{Member, create};
use crate::support::{Coordinator, Process, run};
use crate::visit::{home, visit};

/// A market that has worked without keys, and asks for them now; with a key of an admin and one of a client.
pub(crate) struct Guarded {
    pub(crate) coordinator: Coordinator,
    pub(crate) admin: String,
    pub(crate) client: String,
}

impl Guarded {
    pub(crate) fn start(coordinator: Coordinator, folder: &Path) -> Self {
        let (db, file) = (folder.join("market.db"), folder.join("admin.key"));
        let options = ["--auth", "keys", "--admin-key-file", file.to_str().unwrap()];
        let coordinator = coordinator.restart_with(&db, Process::kill, &options);
        let admin = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let db = db.to_str().unwrap();
        let client = keys(&["create", "--db", db, "--role", "client"]);
        Self {
            coordinator,
            admin,
            client,
        }
    }
}

/// Runs `coordinator keys`, and tells what it prints.
fn keys(arguments: &[&str]) -> String {
    let ended = run("coordinator", &[&["keys"], arguments].concat());
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

fn id_of(key: &str) -> KeyId {
    key.parse::<ApiKey>().unwrap().id()
}

pub(crate) async fn log_in(browser: &Browser, key: &str) {
    browser.fill("#login-key", key).await;
    browser.click("#login-submit").await;
}

async fn log_out(browser: &Browser) {
    browser.click("#logout-button").await;
    browser.until_shown("#view-login").await;
    let kept = "return JSON.stringify([localStorage, sessionStorage, document.cookie])
        + document.documentElement.outerHTML";
    let kept: String = browser.run(kept, vec![]).await;
    assert!(!kept.contains("A day in the sun."), "{kept}");
    assert!(
        !kept.contains("aim_client_") && !kept.contains("aim_admin_"),
        "{kept}"
    );
}

/// Confirms a dialog that shows a key, once.
async fn issued(browser: &Browser) -> ApiKey {
    browser.click("#dialog-confirm").await;
    browser.until_shown("#new-key").await;
    let key: ApiKey = browser.value("#new-key").await.trim().parse().unwrap();
    // Neither the key that was pressed to make it nor the one that closes dialogs loses it.
    assert_eq!(browser.focus().await, "new-key");
    browser.press(Key::Enter).await;
    browser.press(Key::Escape).await;
    browser.until_says("#dialog-error", "Copy it first").await;
    assert_eq!(browser.value("#new-key").await, key.reveal());
    browser.click("#dialog-cancel").await;
    browser.until("!document.querySelector('#new-key')").await;
    let shown = "return document.documentElement.outerHTML";
    let shown: String = browser.run(shown, vec![]).await;
    assert!(!shown.contains(&key.reveal()), "it is shown once");
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_on_the_page_shows_what_the_key_allows() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let sentiment = TaskType::sentiment();
    let alice = Member::join(&client, "alice", "a model", &sentiment).await;
    create(&client, &sentiment, "A day in the sun.", 1).await;
    alice.answer("positive").await;
    let market = Guarded::start(coordinator, folder.path());
    let home = home(&market.coordinator);
    // The browser reports every answer of this status, whatever the page does.
    let expected = ["401 (Unauthorized)"];
    visit(market.coordinator.address, &expected, async |browser| {
        browser.open(&home).await;
        browser.until_shown("#view-login").await;
        log_in(browser, "aim_client_nonsense").await;
        browser.until_shown("#login-error").await;

        log_in(browser, &market.client).await;
        browser.until_says("#tasks-body", "A day in the sun.").await;
        browser
            .until_says("#start", "AI_MARKET_KEY=aim_worker_... cargo run")
            .await;
        assert!(!browser.is_shown("#nav-keys").await);
        browser.open(&format!("{home}#/workers/alice")).await;
        browser.until_says("#view-worker", "a model").await;
        assert!(!browser.is_shown("#suspend-button").await);
        log_out(browser).await;

        browser.open(&home).await;
        log_in(browser, &market.admin).await;
        browser.until_says("#tasks-body", "A day in the sun.").await;
        browser.open(&format!("{home}#/workers/alice")).await;
        browser.click("#suspend-button").await;
        browser
            .fill("#dialog-fields [name=reason]", "It is a test.")
            .await;
        browser.click("#dialog-confirm").await;
        browser.until_says("#view-worker", "suspended").await;
        browser.until_says("#view-worker", "It is a test.").await;

        browser.click("#nav-keys").await;
        let own = format!("[data-key-id=\"{}\"]", id_of(&market.admin));
        browser.until_says(&own, "this is yours").await;
        browser.click(&format!("{own} [data-action=revoke]")).await;
        browser
            .until_says("#dialog", "You are logged in with this key")
            .await;
        browser.press(Key::Escape).await;
        browser
            .until("document.activeElement.dataset.action === 'revoke'")
            .await;
        browser.click("#key-create").await;
        let created = issued(browser).await;
        let row = format!("[data-key-id=\"{}\"]", created.id());
        browser.until_says(&row, "never").await;
        browser.click(&format!("{row} [data-action=rotate]")).await;
        let rotated = issued(browser).await;
        assert_ne!(created.id(), rotated.id());
        let rotated = format!("[data-key-id=\"{}\"]", rotated.id());
        browser.until_says(&rotated, "never").await;
        let expires = format!("!document.querySelector('{row}').innerText.includes('never')");
        browser.until(&expires).await;
        browser.click(&format!("{row} [data-action=revoke]")).await;
        browser.click("#dialog-confirm").await;
        browser.until_says(&row, "revoked").await;
        browser.until_says("#done", "is revoked").await;
        log_out(browser).await;
        browser.open(&home).await;
        browser.until_shown("#view-login").await;

        let journal = browser.journal().await;
        let created = created.reveal();
        for key in [&market.admin, &market.client, &created] {
            let secret = key.rsplit('_').next().unwrap();
            let told = journal.requests.iter().find(|url| url.contains(secret));
            assert!(told.is_none(), "{told:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_shown_anything_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.db");
    let market = Guarded::start(Coordinator::start(&file, 0), folder.path());
    let db = file.to_str().unwrap();
    let worker = [
        "create",
        "--db",
        db,
        "--role",
        "worker",
        "--worker-id",
        "dave",
    ];
    let worker = keys(&worker);
    let Guarded {
        coordinator,
        admin,
        client,
    } = market;
    let home = home(&coordinator);
    // The browser reports these, whatever the page does.
    let expected = ["401 (Unauthorized)", "404 (Not Found)", "net::ERR_"];
    let address = coordinator.address;
    visit(address, &expected, async |browser| {
        browser.open(&home).await;
        browser.until_shown("#view-login").await;
        log_in(browser, &worker).await;
        browser
            .until_says("#worker-details", "Your worker is not here yet")
            .await;
        let command = format!("-- dave --coordinator http://{address}");
        browser.until_says("#worker-details", &command).await;
        browser
            .until_says("#worker-details", "AI_MARKET_KEY=aim_worker_...")
            .await;
        log_out(browser).await;

        browser.open(&home).await;
        log_in(browser, &client).await;
        browser.until_shown("#view-overview").await;
        keys(&["revoke", "--db", db, &id_of(&client).to_string()]);
        browser
            .until_says("#login-error", "not accepted any more")
            .await;
        // It is said once.
        browser.open("about:blank").await;
        browser.open(&home).await;
        browser.until_shown("#view-login").await;
        assert!(!browser.is_shown("#login-error").await);

        // A key that could not be tried at once is not left in the page either.
        drop(coordinator);
        log_in(browser, &admin).await;
        browser.until_says("#connection", "no coordinator").await;
        let _coordinator = Coordinator::start_with(&file, address.port(), &["--auth", "keys"]);
        browser.until_shown("#view-overview").await;
        assert_eq!(browser.value("#login-key").await, "");
    })
    .await;
}
