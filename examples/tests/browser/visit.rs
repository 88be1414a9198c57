//! What holds for every visit of the dashboard.

use std::net::SocketAddr;

use crate::browser::Browser;
use crate::support::Coordinator;

/// Where the dashboard of a coordinator is.
pub(crate) fn home(coordinator: &Coordinator) -> String {
    format!("http://{}/", coordinator.address)
}

/// Runs a test in a browser, where there is one.
///
/// Whatever the test does, the page must ask nobody but the coordinator, open no dialog of the
/// browser, and neither it nor the browser complain, except in words that are expected.
pub(crate) async fn visit(
    coordinator: SocketAddr,
    expected: &[&str],
    test: impl AsyncFnOnce(&Browser),
) {
    let Some(browser) = Browser::start().await else {
        return;
    };
    test(&browser).await;
    let journal = browser.journal().await;
    let home = format!("http://{coordinator}/");
    let elsewhere: Vec<_> = journal
        .requests
        .iter()
        .filter(|url| !url.starts_with(&home))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(!journal.requests.is_empty(), "requests are reported");
    assert!(journal.dialogs.is_empty(), "{:?}", journal.dialogs);
    let complaints: Vec<_> = journal
        .complaints
        .iter()
        .filter(|complaint| !expected.iter().any(|words| complaint.contains(words)))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
