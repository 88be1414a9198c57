//! A page that is not looked at, and a coordinator that is not always to be had.

use ai_market_core::api::{ClientApi, TaskSpec};
use serde_json::json;

use crate::browser::Browser;
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// Tells the page that it is seen, or is not.
async fn see(browser: &Browser, seen: bool) {
    let script = "
        Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))";
    browser.run::<()>(script, vec![json!(!seen)]).await;
}

/// Waits until the page has let go of its stream.
async fn until_let_go(browser: &Browser) {
    until_state(browser, "connecting").await;
}

async fn until_state(browser: &Browser, state: &str) {
    let state = json!(state);
    let told = "document.querySelector('#connection').dataset.state";
    browser.until(&format!("{told} === {state}")).await;
}

/// Remembers what the page says of its connection from now on.
async fn remember_states(browser: &Browser) {
    let script = "
        const box = document.querySelector('#connection');
        window.states = new Set();
        const note = () => window.states.add(box.dataset.state);
        new MutationObserver(note).observe(box, { attributeFilter: ['data-state'] })";
    browser.run::<()>(script, vec![]).await;
}

/// Fails when the page has said meanwhile that there is no coordinator.
async fn was_never_gone(browser: &Browser) {
    let states: Vec<String> = browser.run("return [...window.states]", vec![]).await;
    assert!(states.contains(&"connecting".to_owned()), "{states:?}");
    assert!(!states.contains(&"reconnecting".to_owned()), "{states:?}");
}

/// Answers for the coordinator where its events are asked for; with nothing it answers itself again.
async fn answer_events(browser: &Browser, status: Option<u16>) {
    let script = "
        window.asks ??= window.fetch;
        const [status] = arguments;
        const body = JSON.stringify({ error: { code: 'x', message: 'as many follow as may' } });
        window.fetch = (to, options) => status !== null && String(to).includes('/events')
            ? Promise.resolve(new Response(body, { status }))
            : window.asks(to, options)";
    browser.run::<()>(script, vec![json!(status)]).await;
}

async fn happen(coordinator: &Coordinator, text: &str) {
    let specs = (0..3).map(|n| TaskSpec::new(format!("{text} {n}")));
    let created = coordinator.client().enqueue(specs.collect()).await;
    assert!(created.iter().all(Result::is_ok), "{created:?}");
}

/// Waits until the log shows so many events, each of them once.
async fn until_logged(browser: &Browser, events: usize) {
    let ids = "[...document.querySelectorAll('#log li')].map(line => line.dataset.id)";
    browser.until(&format!("{ids}.length >= {events}")).await;
    let ids: Vec<String> = browser.run(&format!("return {ids}"), vec![]).await;
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!((ids.len(), once.len()), (events, events), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_sees_lets_go_of_its_stream_and_then_tells_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    happen(&coordinator, "before").await;
    visit(coordinator.address, &[], async |browser| {
        browser.open(&format!("{}#/log", home(&coordinator))).await;
        until_state(browser, "connected").await;
        until_logged(browser, 3).await;
        remember_states(browser).await;

        see(browser, false).await;
        until_let_go(browser).await;
        happen(&coordinator, "meanwhile").await;
        see(browser, true).await;
        until_state(browser, "connected").await;
        until_logged(browser, 6).await;

        // After long it asks for the newest ones, some of which it has.
        see(browser, false).await;
        until_let_go(browser).await;
        happen(&coordinator, "much later").await;
        let later = "const now = Date.now; Date.now = () => now() + 120000";
        browser.run::<()>(later, vec![]).await;
        see(browser, true).await;
        until_state(browser, "connected").await;
        happen(&coordinator, "at last").await;
        until_logged(browser, 12).await;
        was_never_gone(browser).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_coordinator_that_is_gone_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&home(&coordinator)).await;
        until_state(browser, "connected").await;
        // A proxy says so while what is behind it is replaced; it is asked again all the same.
        for (status, state) in [
            (404, "reconnecting"),
            (502, "reconnecting"),
            (429, "refused"),
        ] {
            see(browser, false).await;
            until_let_go(browser).await;
            answer_events(browser, Some(status)).await;
            see(browser, true).await;
            until_state(browser, state).await;
            if status == 429 {
                browser
                    .until_says("#connection", "as many follow as may")
                    .await;
            }
            answer_events(browser, None).await;
            until_state(browser, "connected").await;
        }
        // One that has no connection left for this page has not answered yet.
        see(browser, false).await;
        until_let_go(browser).await;
        remember_states(browser).await;
        let hang = "
            window.tries = 0;
            window.fetch = (to, options) => {
                if (!String(to).includes('/events')) return window.asks(to, options);
                window.tries += 1;
                return Promise.reject(new DOMException('it was given up', 'AbortError'));
            }";
        browser.run::<()>(hang, vec![]).await;
        see(browser, true).await;
        browser.until("window.tries > 2").await;
        answer_events(browser, None).await;
        until_state(browser, "connected").await;
        was_never_gone(browser).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_another_market_at_the_same_address_is_told_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    happen(&coordinator, "before").await;
    let address = coordinator.address;
    visit(address, &["net::ERR_"], async |browser| {
        browser.open(&format!("{}#/log", home(&coordinator))).await;
        until_state(browser, "connected").await;
        until_logged(browser, 3).await;
        drop(coordinator);
        until_state(browser, "reconnecting").await;
        let other = Coordinator::start(&folder.path().join("other.db"), address.port());
        until_state(browser, "connected").await;
        happen(&other, "anew").await;
        browser
            .until("document.querySelectorAll('#log li').length === 6")
            .await;
    })
    .await;
}
