//! axe-core, which finds what people with disabilities cannot use.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::browser::Browser;
use crate::driver::{missing, tool};

const MANIFEST: &str = include_str!("axe/package.json");
/// It holds the hash of the package, which npm compares.
const LOCK: &str = include_str!("axe/package-lock.json");
const FETCHED_IN: Duration = Duration::from_secs(120);

/// The rules of axe-core.
pub(crate) struct Axe(String);

impl Axe {
    /// Fetches axe-core, unless an earlier run has.
    pub(crate) async fn fetch() -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
        let script = folder.join("node_modules/axe-core/axe.min.js");
        // Written when npm was done, and not by one that was cut off.
        let fetched = folder.join("fetched.json");
        if std::fs::read_to_string(&fetched).is_ok_and(|lock| lock == LOCK) {
            let script = std::fs::read_to_string(script).expect("it was fetched");
            return Some(Self(script));
        }
        let npm = tool("npm")?;
        std::fs::create_dir_all(&folder).expect("a folder in target");
        std::fs::write(folder.join("package.json"), MANIFEST).expect("a file in target");
        std::fs::write(folder.join("package-lock.json"), LOCK).expect("a file in target");
        let ended = Command::new(npm)
            .arg("ci")
            .args(["--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
            .current_dir(&folder)
            .kill_on_drop(true)
            .status();
        let ended = tokio::time::timeout(FETCHED_IN, ended).await;
        if !matches!(ended, Ok(Ok(status)) if status.success()) {
            missing("axe-core, since npm does not get it");
            return None;
        }
        let script = std::fs::read_to_string(script).expect("npm has written it");
        std::fs::write(fetched, LOCK).expect("a file in target");
        Some(Self(script))
    }

    /// What is wrong with the page as it is shown now.
    pub(crate) async fn violations(&self, browser: &Browser) -> Vec<String> {
        // A script of the driver is not bound by the page's content policy.
        browser.run::<Value>(&self.0, vec![]).await;
        let script = "
            const results = await axe.run(document, { resultTypes: ['violations'] });
            return results.violations.map(({ id, help, nodes }) => {
                const places = nodes.map(node => `${node.html}\\n${node.failureSummary}`);
                return `${id}: ${help}\\n${places.join('\\n')}`;
            });";
        browser.run_async(script, vec![]).await
    }
}
