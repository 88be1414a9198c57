//! The Hugging Face hub's cache, and what happens without a network.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails shall fail its test"
)]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use ai_market_candle::{
    ClassifierOptions, HubError, HubOptions, LoadError, ModelSource, SequenceClassifier,
};
use common::fixture;

const COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn fill(cache: &Path) {
    let model = cache.join("models--org--tiny");
    let snapshot = model.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(model.join("refs")).unwrap();
    std::fs::write(model.join("refs/main"), COMMIT).unwrap();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        std::fs::copy(fixture("one-layer").join(file), snapshot.join(file)).unwrap();
    }
}

/// An address where nothing listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn load(source: &str, hub: HubOptions) -> Result<SequenceClassifier, LoadError> {
    let source: ModelSource = source.parse().unwrap();
    SequenceClassifier::load(
        &source,
        &ClassifierOptions::new().with_hub(hub),
        &mut |_| {},
    )
}

#[test]
fn what_is_cached_needs_no_network() {
    let cache = tempfile::tempdir().unwrap();
    fill(cache.path());
    for offline in [false, true] {
        let hub = HubOptions::from_env()
            .with_cache(cache.path())
            .with_endpoint(closed())
            .with_offline(offline);
        for name in [
            "org/tiny".to_owned(),
            "org/tiny@main".to_owned(),
            format!("org/tiny@{COMMIT}"),
        ] {
            let identity = load(&name, hub.clone()).unwrap().info().identity.clone();
            assert_eq!(
                (identity.id(), identity.revision()),
                ("org/tiny", Some(COMMIT))
            );
        }
    }
}

#[test]
fn without_network_and_cache_one_sentence_says_what_to_do() {
    let cache = tempfile::tempdir().unwrap();
    let hub = HubOptions::from_env()
        .with_cache(cache.path())
        .with_endpoint(closed());
    for (offline, reason) in [
        (false, "the hub cannot be reached"),
        (true, "HF_HUB_OFFLINE is set"),
    ] {
        let error = load("org/tiny@v1", hub.clone().with_offline(offline)).unwrap_err();
        let cache = cache.path().display();
        assert_eq!(
            error.to_string(),
            format!(
                "model org/tiny@v1 is not in the cache {cache} and cannot be downloaded because \
                 {reason}: connect to the internet once, or set HF_HOME to a folder that holds the \
                 model, or pass a model folder (--model PATH), or use the built-in model (--model \
                 bundled)"
            )
        );
        assert!(matches!(
            error,
            LoadError::Hub(HubError::Unavailable { .. })
        ));
    }
}

/// Runs one test of this program in a process with other variables.
fn child(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env("AI_MARKET_TEST_CHILD", "1")
        .envs(variables.iter().copied())
        .env_remove("HF_HUB_CACHE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn is_child() -> bool {
    std::env::var_os("AI_MARKET_TEST_CHILD").is_some()
}

#[test]
fn the_environment_names_cache_and_hub() {
    if is_child() {
        let hub = HubOptions::from_env();
        assert!(load("org/tiny", hub.clone()).is_ok());
        let error = load("org/other", hub).unwrap_err();
        assert!(
            matches!(error, LoadError::Hub(HubError::Unavailable { .. })),
            "{error}"
        );
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fill(&home.path().join("hub"));
    let (home, endpoint) = (home.path().to_str().unwrap(), closed());
    let test = "the_environment_names_cache_and_hub";
    child(test, &[("HF_HOME", home), ("HF_ENDPOINT", &endpoint)]);
    child(test, &[("HF_HOME", home), ("HF_HUB_OFFLINE", "1")]);
}
