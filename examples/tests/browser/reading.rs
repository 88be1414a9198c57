//! What somebody reads is not taken from under their eyes, whatever happens meanwhile.

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::consensus::Normalized;
use ai_market_core::coordinator::Coordinator as Market;
use ai_market_core::id::TaskType;
use ai_market_core::store::MemoryStore;
use ai_market_http::{HttpClient, Server};
use thirtyfour::Key;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::crowd::{Member, create};
use crate::support::Coordinator;
use crate::visit::{home, visit};

/// Changes the direction of what comes after it.
const REVERSED: &str = "mal\u{202e}lory";

/// Fails when a text that changes its direction could change that of what stands beside it.
async fn keeps_its_direction(browser: &Browser, within: &str) {
    let script = "
        const texts = document.createTreeWalker(document.querySelector(arguments[0]), NodeFilter.SHOW_TEXT);
        const loose = [];
        let met = 0;
        for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
            if (!text.data.includes('\\u202e')) continue;
            met += 1;
            if (!text.parentElement.closest('bdi, p.text')) loose.push(text.parentElement.outerHTML);
        }
        return met === 0 ? ['there is none'] : loose";
    let loose: Vec<String> = browser.run(script, vec![within.into()]).await;
    assert!(loose.is_empty(), "{within}: {loose:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_stays_where_it_is_while_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::start_with(&db, 0, &["--allow-ops"]);
    let client = coordinator.client();
    let kind = TaskType::sentiment();
    let long: String = (0..300)
        .map(|n| format!("The {n}. line {REVERSED}\n"))
        .collect();
    let task = create(&client, &kind, &long, 3).await;
    let home = home(&coordinator);
    visit(coordinator.address, &[], async |browser| {
        browser.open(&format!("{home}#/tasks/{task}")).await;
        browser.until_says("#task-details", "The 0. line").await;
        browser.until_says("#task-events", "created").await;
        let begin = "
            window.text = document.querySelector('#task-details .text');
            window.text.scrollTop = 2000;
            getSelection().selectAllChildren(document.querySelector('#task-details code'))";
        browser.run::<()>(begin, vec![]).await;

        let members = [REVERSED, "bob", "carole"];
        let mut crowd = Vec::new();
        for id in members {
            crowd.push(Member::join(&client, id, id, &kind).await);
        }
        crowd[0].answer(REVERSED).await;
        browser.until_says("[data-field=votes]", "1/3").await;
        for member in &crowd[1..] {
            member.answer(REVERSED).await;
        }
        browser.until_says("#task-votes", "same").await;
        browser.until_says("#task-events", "finalized").await;
        let (scrolled, same, selected): (f64, bool, String) = browser
            .run(
                "return [window.text.scrollTop,
                    window.text === document.querySelector('#task-details .text'),
                    getSelection().toString()]",
                vec![],
            )
            .await;
        assert_eq!((scrolled, same), (2000.0, true));
        assert_eq!(selected, task.to_string());
        keeps_its_direction(browser, "#task-details").await;

        // A link keeps the focus while more comes before it.
        browser.open(&format!("{home}#/workers/bob")).await;
        browser.until_says("#worker-events", "answered").await;
        let begin = "
            window.link = document.querySelector('#worker-events li:nth-child(2) a:last-of-type');
            window.link.focus()";
        browser.run::<()>(begin, vec![]).await;
        let lines = "document.querySelectorAll('#worker-events li').length";
        let before: usize = browser.run(&format!("return {lines}"), vec![]).await;
        create(&client, &kind, "Another one.", 1).await;
        crowd[1].answer("yes").await;
        browser.until(&format!("{lines} >= {before} + 2")).await;
        browser.until_says("[data-field=points]", "2").await;
        browser
            .until("document.activeElement === window.link")
            .await;

        // A dialog gives the focus back, however long it was open.
        browser.click("#suspend-button").await;
        browser.until_shown("#dialog").await;
        create(&client, &kind, "One more.", 1).await;
        crowd[1].answer("yes").await;
        browser.until_says("[data-field=points]", "3").await;
        browser.press(Key::Escape).await;
        browser
            .until("!document.querySelector('#dialog').open")
            .await;
        assert_eq!(browser.focus().await, "suspend-button");

        for (view, within) in [
            ("#/workers", "#workers-body"),
            ("#/leaderboard", "#leaderboard-body"),
            ("#/", "#leaders"),
        ] {
            browser.open(&format!("{home}{view}")).await;
            browser.until_says(within, "mal").await;
            keeps_its_direction(browser, within).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_in_other_words_are_not_said_to_differ() {
    let same_words = TaskType::sentiment();
    let exact = TaskType::new("exact").unwrap();
    let market = Market::builder(MemoryStore::new())
        .comparator_for(same_words.clone(), Normalized)
        .build()
        .unwrap();
    let server = Server::builder(market).address(([127, 0, 0, 1], 0)).bind();
    let server = server.await.unwrap();
    let (address, url) = (server.local_addr(), server.url());
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run(stop.clone()));
    let client = HttpClient::new(&url).unwrap();
    let mut tasks = Vec::new();
    for (kind, labels) in [
        (&same_words, ["Positive!", "positive", "negative"]),
        (&same_words, ["Good", "good", "GOOD"]),
        (&exact, ["positive", "positive", "negative"]),
    ] {
        let spec = TaskSpec::new("What a day!").with_task_type(kind.clone());
        tasks.push(client.enqueue(vec![spec]).await.remove(0).unwrap());
        for (id, label) in ["alice", "bob", "carole"].iter().zip(labels) {
            let member = Member::join(&client, &format!("{id} {kind}"), "a model", kind).await;
            member.answer(label).await;
        }
    }
    visit(address, &[], async |browser| {
        for (task, verdicts) in tasks.iter().zip([
            ["✓ same", "other words", "other words"],
            ["✓ same", "✓ same", "✓ same"],
            ["✓ same", "✓ same", "differs"],
        ]) {
            browser
                .open(&format!("http://{address}/#/tasks/{task}"))
                .await;
            browser.until_shown("#task-votes").await;
            let told = "return [...document.querySelectorAll('#task-votes [data-label=Agrees]')]
                .map(cell => cell.innerText).sort()";
            let mut told: Vec<String> = browser.run(told, vec![]).await;
            let mut verdicts = verdicts.to_vec();
            told.sort();
            verdicts.sort_unstable();
            assert_eq!(told, verdicts);
        }
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();
}
