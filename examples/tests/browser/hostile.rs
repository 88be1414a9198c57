//! Texts and names that would be run if a page took them for HTML.

use ai_market_core::id::TaskType;
use serde_json::json;

use crate::browser::Browser;
use crate::crowd::{Member, create};
use crate::support::Coordinator;
use crate::visit::{home, visit};

const HOSTILE: [&str; 2] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
];

/// Waits until both are shown as they are, and fails when they have become more than text, or stand
/// beside words that their direction would change.
async fn shown_as_text(browser: &Browser, selector: &str) {
    for text in HOSTILE {
        browser.until_says(selector, text).await;
    }
    harmless(browser).await;
    let script = "
        const texts = document.createTreeWalker(document.querySelector(arguments[0]), NodeFilter.SHOW_TEXT);
        const beside = [];
        while (texts.nextNode()) {
            const { data, parentElement } = texts.currentNode;
            if (/alert/.test(data) && !parentElement.closest('bdi')) beside.push(data);
        }
        return beside";
    let beside: Vec<String> = browser.run(script, vec![json!(selector)]).await;
    // The workers and the leaderboard have their own.
    if ["#tasks-body", "#log"].contains(&selector) {
        assert!(beside.is_empty(), "{selector}: {beside:?}");
    }
}

async fn harmless(browser: &Browser) {
    let script = "
        return [...document.querySelectorAll('*')].filter(element =>
            element.matches('script:not([src]), iframe, object, embed, base, img[src=x]')
            || [...element.attributes].some(attribute => attribute.name.startsWith('on'))
        ).map(element => element.outerHTML)";
    let harmful: Vec<String> = browser.run(script, vec![]).await;
    assert!(harmful.is_empty(), "{harmful:?}");
}

/// Follows the first link to the view of whatever is named so.
async fn follow(browser: &Browser, within: &str, text: &str) {
    let script = "
        const links = [...document.querySelectorAll(`${arguments[0]} a`)];
        location.hash = links.find(link => link.innerText.includes(arguments[1])).hash";
    browser
        .run::<()>(script, vec![json!(within), json!(text)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_shown_and_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let any = TaskType::new("anything").unwrap();
    let other = Member::join(&client, "other", "other", &any).await;
    for text in HOSTILE {
        let member = Member::join(&client, text, text, &any).await;
        create(&client, &any, text, 1).await;
        member.answer(text).await;
        create(&client, &any, &format!("{text} fails"), 1).await;
        other.fail(text).await;
        member.fail(text).await;
    }
    visit(coordinator.address, &[], async |browser| {
        let home = home(&coordinator);
        browser.open(&home).await;
        shown_as_text(browser, "#tasks-body").await;
        for text in HOSTILE {
            for text in [text, &format!("{text} fails")] {
                browser.open(&home).await;
                browser.until_says("#tasks-body", text).await;
                follow(browser, "#tasks-body", text).await;
                browser.until_says("#task-details", text).await;
                harmless(browser).await;
            }
            browser.open(&format!("{home}#/workers")).await;
            browser.until_says("#workers-body", text).await;
            follow(browser, "#workers-body", text).await;
            browser.until_says("#view-worker", text).await;
            harmless(browser).await;
        }
        browser.open(&format!("{home}#/workers")).await;
        shown_as_text(browser, "#workers-body").await;
        browser.open(&format!("{home}#/leaderboard")).await;
        shown_as_text(browser, "#leaderboard-body").await;
        browser.click("#tab-model").await;
        browser
            .until("document.querySelector('#tab-model').ariaSelected === 'true'")
            .await;
        shown_as_text(browser, "#leaderboard-body").await;

        browser.open(&format!("{home}#/log")).await;
        for text in HOSTILE {
            let member = Member::join(&client, text, text, &any).await;
            create(&client, &any, text, 1).await;
            member.answer(text).await;
        }
        shown_as_text(browser, "#log").await;

        browser.open(&home).await;
        for text in HOSTILE {
            let member = Member::join(&client, text, text, &any).await;
            browser.fill("#submit-text", text).await;
            browser.fill("#submit-type", "anything").await;
            browser.fill("#submit-votes", "1").await;
            browser.click("#submit-button").await;
            browser.until_says("#submit-result", "0/1").await;
            member.answer(text).await;
            browser.until_says("#submit-result", text).await;
        }
        // What is looked for is the word of whoever looks.
        browser.fill("#search", HOSTILE[0]).await;
        harmless(browser).await;
    })
    .await;
}
