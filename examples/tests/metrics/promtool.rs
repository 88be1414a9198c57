//! Prometheus' own tool looks at what is exposed, and at the files for it.
//!
//! It is looked for in the path. Where it is missing these tests say so and pass, unless
//! `AI_MARKET_REQUIRE_TOOLS=1` says that it must be there, as `.ci/run` does.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{documents, market};

/// Runs promtool in the root of the project, with `input`; panics unless it finds nothing wrong.
fn promtool(arguments: &[&str], input: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let started = Command::new("promtool")
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match started {
        Ok(tool) => tool,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let required = std::env::var("AI_MARKET_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
            assert!(!required, "promtool is needed (Debian: prometheus)");
            eprintln!("promtool is not there, so nothing is checked");
            return;
        }
        Err(error) => panic!("promtool does not start: {error}"),
    };
    let mut stdin = tool.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = tool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{arguments:?}: {said}");
    // Warnings about metrics are all that it says of them.
    assert!(
        arguments != ["check", "metrics"] || said.is_empty(),
        "{said}"
    );
}

#[tokio::test]
async fn it_has_nothing_to_say_against_the_metrics() {
    let text = market::metrics().await;
    tokio::task::spawn_blocking(move || promtool(&["check", "metrics"], &text))
        .await
        .unwrap();
}

#[test]
fn it_takes_the_rules() {
    promtool(&["check", "rules", "deploy/prometheus/alerts.yml"], "");
}

#[test]
fn the_rules_do_what_their_tests_say() {
    promtool(&["test", "rules", "deploy/prometheus/alerts_test.yml"], "");
}

#[test]
fn it_takes_the_queries_of_the_dashboard() {
    let dashboard = documents::read("deploy/grafana/ai-market.json");
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let rules = targets.flatten().enumerate().map(|(n, target)| {
        // What Grafana puts in for its variables.
        let query = target["expr"].as_str().unwrap();
        let query = query.replace("$__rate_interval", "1m");
        json!({"record": format!("query:{n}"), "expr": query})
    });
    let rules = json!({"groups": [{"name": "queries", "rules": rules.collect::<Vec<_>>()}]});
    // JSON is YAML.
    promtool(&["check", "rules", "/dev/stdin"], &rules.to_string());
}

#[test]
fn it_takes_the_configuration() {
    promtool(&["check", "config", "deploy/prometheus/prometheus.yml"], "");
}
