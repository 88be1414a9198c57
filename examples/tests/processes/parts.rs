//! The example programs with parts of their own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::programs::stdout;
use crate::support::{Process, run};

#[test]
fn summaries_in_other_words_are_agreed_on() {
    let output = stdout(&run("custom_backend", &[]));
    for part in [
        "  alice: The bridge is closed until May.\n",
        "  bob: THE BRIDGE IS CLOSED UNTIL MAY.\n",
        "  carole: The bridge is closed until May\n",
        "alice: 2 points\n",
        "bob: 2 points\n",
        "carole: 2 points\n",
    ] {
        assert!(output.contains(part), "{part:?} is missing in:\n{output}");
    }
    let finals: Vec<_> = output
        .lines()
        .filter_map(|line| line.strip_prefix("  final: "))
        .map(str::to_lowercase)
        .collect();
    assert!(
        finals[0].starts_with("the bridge is closed until may"),
        "{output}"
    );
    assert!(finals[1].starts_with("rain, at last"), "{output}");
}

#[test]
fn a_policy_saves_votes_and_a_liar_is_suspended() {
    let output = stdout(&run("custom_policy", &[]));
    let lines: Vec<_> = output.lines().collect();
    let votes = lines[0]
        .strip_prefix("40 of 40 tasks are positive, by ")
        .and_then(|rest| rest.split(' ').next());
    let votes: u32 = votes.expect(&output).parse().unwrap();
    assert!((80..120).contains(&votes), "{output}");
    let trusted = ["alice: trusted", "bob: trusted", "carole: trusted"];
    assert_eq!(lines[1..4], trusted, "{output}");
    assert!(
        lines[4].starts_with("mallory: ") && lines[4].ends_with(" were wrong"),
        "{output}"
    );
}

/// What a run of `custom_store` says of each task.
fn tasks(output: &str) -> BTreeMap<String, String> {
    let lines = output.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(id, _)| id.len() == 36)
        .map(|(id, rest)| (id.to_owned(), rest.to_owned()))
        .collect()
}

fn store(journal: &Path, texts: &[&str]) -> String {
    let mut arguments = vec![journal.to_str().unwrap()];
    arguments.extend(texts);
    stdout(&run("custom_store", &arguments))
}

#[test]
fn a_journal_gives_the_same_market_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("market.jsonl");
    let first = store(&journal, &[]);
    assert_eq!(tasks(&first).len(), 2, "{first}");
    assert!(first.contains("alice: 2 points, 2 votes\n"), "{first}");
    let again = store(&journal, &[]);
    let accepted = |line: &&str| !line.starts_with("accepted ");
    let first: Vec<_> = first.lines().filter(accepted).collect();
    assert_eq!(again.lines().collect::<Vec<_>>(), first);
    let more = store(&journal, &["One more text"]);
    assert!(more.contains("alice: 3 points, 3 votes\n"), "{more}");
}

#[test]
fn a_killed_process_has_lost_nothing_that_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("market.jsonl");
    let texts: Vec<_> = (0..60).map(|n| format!("This is text {n}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let mut arguments = vec![journal.to_str().unwrap()];
    arguments.extend(&texts);
    let (process, output) = Process::reading("custom_store", &arguments);
    // It is killed when it has said what it decided of the first task, in the middle of the others.
    let mut said = String::new();
    let mut output = BufReader::new(output);
    while tasks(&said).is_empty() {
        assert!(output.read_line(&mut said).unwrap() > 0, "{said}");
    }
    process.kill();
    output.read_to_string(&mut said).unwrap();

    let again = store(&journal, &[]);
    let (before, after) = (tasks(&said), tasks(&again));
    assert_eq!(
        after.len(),
        texts.len(),
        "every task that was accepted is answered"
    );
    for (id, decided) in before {
        assert_eq!(after.get(&id), Some(&decided));
    }
    for name in ["alice", "bob", "carole"] {
        let line = format!("{name}: 60 points, 60 votes\n");
        assert!(again.contains(&line), "each is paid once:\n{again}");
    }
}
