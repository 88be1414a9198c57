//! What is written about the metrics names those that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::families::{Family, families, family_of, label_names};
use super::market;

/// A file of the project.
pub(crate) fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// What the end of a name says, as promtool wants it to.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_seconds", "s"), ("_bytes", "B"), ("_ratio", "0 to 1")];
    let unit = units.into_iter().find(|(end, _)| name.ends_with(end));
    unit.map_or("", |(_, unit)| unit)
}

/// A line of docs/metrics.md, as it has to be.
fn line(name: &str, family: &Family) -> String {
    let labels: Vec<_> = family.labels.iter().map(|l| format!("`{l}`")).collect();
    format!(
        "| `{name}` | {} | {} | {} | {} |",
        family.kind,
        labels.join(", "),
        unit(name),
        family.help.trim_end_matches('.')
    )
}

#[tokio::test]
async fn the_document_lists_every_family() {
    let families = families(&market::metrics().await);
    let expected: BTreeSet<_> = families.iter().map(|(n, f)| line(n, f)).collect();
    let document = read("docs/metrics.md");
    let listed = document.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<_> = listed.map(str::to_owned).collect();
    let missing: Vec<_> = expected.difference(&listed).collect();
    let wrong: Vec<_> = listed.difference(&expected).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "missing: {missing:#?}\nwrong: {wrong:#?}"
    );
}

/// Panics unless every metric that a query names is one that there is, with the labels that it
/// names.
fn check(query: &str, families: &BTreeMap<String, Family>) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut named = 0;
    let mut rest = query;
    while let Some(start) = rest.find(is_part) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if !["ai_market_", "process_"]
            .iter()
            .any(|p| word.starts_with(p))
        {
            continue;
        }
        named += 1;
        let family = family_of(families, word);
        let family = &families[&family.unwrap_or_else(|| panic!("there is no {word}"))];
        if let Some(labels) = after.strip_prefix('{') {
            let (labels, after) = label_names(labels);
            rest = after;
            for label in labels {
                // What Prometheus adds, and what tells the buckets of a histogram apart.
                let known = ["job", "instance", "le"].contains(&label.as_str())
                    || family.labels.contains(&label);
                assert!(known, "{word} has no label {label}");
            }
        }
    }
    named
}

fn queries<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        found.push(text);
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_shows_metrics_that_there_are() {
    let families = families(&market::metrics().await);
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/ai-market.json")).unwrap();
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    let named: usize = found.iter().map(|query| check(query, &families)).sum();
    assert!(named > 50, "{named}");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let described = panel["type"] == "row" || panel["description"] != "";
        assert!(described, "{panel}");
    }
}

#[tokio::test]
async fn the_rules_ask_for_metrics_that_there_are() {
    let families = families(&market::metrics().await);
    for file in ["alerts.yml", "alerts_test.yml"] {
        let text = read(&format!("deploy/prometheus/{file}"));
        assert!(check(&text, &families) > 20);
    }
}

#[test]
fn every_rule_is_tested() {
    let (rules, tests) = (
        read("deploy/prometheus/alerts.yml"),
        read("deploy/prometheus/alerts_test.yml"),
    );
    let names = rules
        .lines()
        .filter_map(|l| l.trim().strip_prefix("- alert: "));
    let names: Vec<_> = names.collect();
    assert!(!names.is_empty());
    for name in names {
        let expected = format!("labels: '{{alertname=\"{name}\"}}'");
        let also = format!("ALERTS{{alertname=\"{name}\", alertstate=\"firing\"");
        assert!(tests.contains(&expected) || tests.contains(&also), "{name}");
    }
}
