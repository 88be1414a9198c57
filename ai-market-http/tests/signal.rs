//! Signals end a server; alone in its program, since a signal reaches the whole process.
#![cfg(unix)]
// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Duration;

use ai_market_http::shutdown_signal;
use futures_util::FutureExt;

#[tokio::test]
async fn interrupting_and_terminating_complete_the_future() {
    for signal in ["-INT", "-TERM"] {
        let mut asked = Box::pin(shutdown_signal());
        // Listens from the first poll on.
        assert!((&mut asked).now_or_never().is_none());
        let own = std::process::id().to_string();
        let sent = Command::new("kill").args([signal, &own]).status().unwrap();
        assert!(sent.success());
        let asked = tokio::time::timeout(Duration::from_secs(30), asked);
        asked.await.expect("the signal is heard");
    }
}
