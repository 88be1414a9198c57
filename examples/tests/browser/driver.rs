//! ChromeDriver, and whether there is one.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Set where a test that lacks a tool must fail, as in CI.
const REQUIRED: &str = "AI_MARKET_REQUIRE_TOOLS";
const STARTS_IN: Duration = Duration::from_secs(60);

/// Runs ChromeDriver, and ends it with its browsers once nobody holds the input of the shell any
/// more: when the driver is dropped, and when the test is killed.
const GUARDED: &str = "exec 3<&0; (cat <&3 >/dev/null; kill -s KILL -- -$$) & \
                       exec \"$0\" --port=0 3<&- </dev/null";

/// Where a program lies that the tests need and that no cargo command installs.
///
/// Without it the test is left out, which is said; it fails where `AI_MARKET_REQUIRE_TOOLS=1` is set.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

/// Says that a test is left out, or fails where it must not be.
pub(crate) fn missing(name: &str) {
    let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
    assert!(!required, "there is no {name}, and {REQUIRED} is set");
    println!("skipped: there is no {name}");
}

/// A ChromeDriver process; it ends with everything that it started when this is dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Child,
    pub(crate) port: u16,
}

impl Driver {
    /// Starts ChromeDriver on a free port.
    pub(crate) fn start() -> Option<Self> {
        tool("chromium")?;
        let mut process = Command::new("sh")
            .args(["-c", GUARDED])
            .arg(tool("chromedriver")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        let stdout = process.stdout.take().expect("it is piped");
        let (found, port) = channel();
        std::thread::spawn(move || {
            // `ChromeDriver was started successfully on port 41234.`
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let port = line.split_once("successfully on port ");
                let port = port.and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
                if let Some(port) = port {
                    // The test may have ended.
                    let _ = found.send(port);
                }
            }
        });
        // Built before it is known to work, so that it ends if it does not.
        let mut driver = Self { process, port: 0 };
        driver.port = port
            .recv_timeout(STARTS_IN)
            .expect("chromedriver says where it listens");
        Some(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
