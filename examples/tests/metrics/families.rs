//! Families of metrics, as the text format shows them.

use std::collections::{BTreeMap, BTreeSet};

/// A family of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// The names of its labels, but for those that every histogram has.
    pub(crate) labels: BTreeSet<String>,
}

/// What a text in Prometheus' format holds, by name.
pub(crate) fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines() {
        let of = |rest: &str| {
            let (name, value) = rest.split_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        };
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = of(rest);
            families.entry(name).or_default().help = help;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = of(rest);
            families.entry(name).or_default().kind = kind;
        } else {
            let (name, labels) = sample(line);
            let name = family_of(&families, name).unwrap_or_else(|| panic!("{line}"));
            let labels = labels.into_iter().filter(|label| label != "le");
            families.get_mut(&name).unwrap().labels.extend(labels);
        }
    }
    families
}

/// The family that a time series belongs to.
pub(crate) fn family_of(families: &BTreeMap<String, Family>, name: &str) -> Option<String> {
    if families.contains_key(name) {
        return Some(name.to_owned());
    }
    let parts = ["_bucket", "_sum", "_count"];
    let base = parts.iter().find_map(|part| name.strip_suffix(part))?;
    let histogram = families.get(base).is_some_and(|f| f.kind == "histogram");
    histogram.then(|| base.to_owned())
}

/// The name and the labels of a line such as `name{a="b",c="d"} 1`.
fn sample(line: &str) -> (&str, Vec<String>) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, rest) = line.split_at(end);
    let Some(labels) = rest.strip_prefix('{') else {
        return (name, Vec::new());
    };
    (name, label_names(labels).0)
}

/// The names in `a="b",c=~"d"} ...`, and what follows the brace.
pub(crate) fn label_names(mut text: &str) -> (Vec<String>, &str) {
    let mut names = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ', '\n']);
        if let Some(rest) = text.strip_prefix('}') {
            return (names, rest);
        }
        let (name, rest) = text.split_once(['=', '!']).unwrap();
        names.push(name.trim().to_owned());
        let value = rest.find('"').map(|quote| &rest[quote + 1..]).unwrap();
        let mut escaped = false;
        let end = value.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        text = &value[end.unwrap() + 1..];
    }
}
