//! The pictures of the README: no test, but drawn like one.

use std::path::PathBuf;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use serde_json::json;

use crate::browser::Look;
use crate::support::{Coordinator, Process};
use crate::visit::{home, visit};

/// The folder that the pictures are written to.
const FOLDER: &str = "AI_MARKET_PICTURES";
const SENTENCES: &str = include_str!("../../data/sentiment.tsv");
/// How long the market is watched, since the page shows what the last minutes were like.
const MOMENTS: u32 = 240;
const MOMENT: Duration = Duration::from_millis(500);
/// What is being worked at while the pictures are taken.
const LAST: usize = 150;

fn texts() -> impl Iterator<Item = TaskSpec> {
    let lines = SENTENCES
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(_, text)| TaskSpec::new(text));
    lines.collect::<Vec<_>>().into_iter().cycle()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "checks nothing: draws the pictures anew, which takes minutes: AI_MARKET_PICTURES=$PWD/docs/images cargo test -p ai-market-examples --test browser -- --ignored"]
async fn the_pictures_of_the_readme() {
    let pictures = PathBuf::from(std::env::var_os(FOLDER).expect("a folder for the pictures"));
    std::fs::create_dir_all(&pictures).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let _workers = ["alice", "bob", "carole"]
        .map(|id| Process::worker_with(id, coordinator.address, &["--model", "bundled"]));
    let client = coordinator.client();
    let mut texts = texts();
    visit(coordinator.address, &[], async |browser| {
        browser
            .devtools("Emulation.setScrollbarsHidden", json!({"hidden": true}))
            .await;
        browser.look(Look::Light).await;
        browser.open(&home(&coordinator)).await;
        let mut clock = tokio::time::interval(MOMENT);
        for moment in 0..MOMENTS {
            clock.tick().await;
            // More at some times than at others.
            let some = 3.0 + 2.0 * (f64::from(moment) / 25.0).sin();
            let tasks = texts.by_ref().take(some as usize).collect();
            let created = client.enqueue(tasks).await;
            assert!(created.iter().all(Result::is_ok), "{created:?}");
        }
        browser.fill("#submit-text", "I would buy it again.").await;
        browser.click("#submit-button").await;
        browser.until_says("#submit-result", "positive").await;
        for (look, name) in [
            (Look::Light, "light"),
            (Look::Dark, "dark"),
            (Look::Phone, "phone"),
        ] {
            browser.look(look).await;
            let tasks = texts.by_ref().take(LAST).collect();
            let created = client.enqueue(tasks).await;
            assert!(created.iter().all(Result::is_ok), "{created:?}");
            browser
                .until("document.querySelector('#tasks-body [data-status=queued]')")
                .await;
            let file = pictures.join(format!("dashboard-{name}.png"));
            std::fs::write(file, browser.picture().await).unwrap();
        }
    })
    .await;
}
