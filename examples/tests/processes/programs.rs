//! What the example programs print, and how they fail.

use std::collections::BTreeMap;
use std::process::Output;

use ai_market_examples::sample;
use serde_json::Value;

use crate::support::run;

pub(crate) fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The lines of `demo --json`, and the leaderboard of the last one.
fn demo(arguments: &[&str]) -> (Vec<Value>, Vec<(String, i64)>) {
    let output = stdout(&run("demo", arguments));
    let mut lines: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let board = lines.pop().unwrap();
    let places = board["leaderboard"].as_array().unwrap().iter();
    let places = places.map(|place| {
        (
            place["worker_id"].as_str().unwrap().to_owned(),
            place["points"].as_i64().unwrap(),
        )
    });
    (lines, places.collect())
}

/// Points as the votes say: one for each that is the final label.
fn points(lines: &[Value]) -> BTreeMap<String, i64> {
    let mut points = BTreeMap::new();
    for line in lines {
        for vote in line["submissions"].as_array().unwrap() {
            let worker = vote["worker_id"].as_str().unwrap().to_owned();
            *points.entry(worker).or_default() += i64::from(vote["label"] == line["final_label"]);
        }
    }
    points
}

#[test]
fn the_demo_labels_the_sample_and_a_liar_does_not_change_that() {
    let (honest, board) = demo(&["--json"]);
    let sentences = sample();
    assert_eq!(honest.len(), sentences.len());
    let mut right = 0;
    for (line, sentence) in honest.iter().zip(&sentences) {
        assert_eq!(line["text"].as_str(), Some(sentence.text.as_str()));
        assert_eq!(line["submissions"].as_array().unwrap().len(), 3);
        assert_eq!(
            line["agreement"].as_f64(),
            Some(1.0),
            "all three run the same model"
        );
        right += usize::from(
            line["final_label"].as_str() == sentence.expected.as_ref().map(|l| l.as_str()),
        );
    }
    assert!(
        right * 10 >= sentences.len() * 9,
        "{right} of {} labels are right",
        sentences.len()
    );
    assert_eq!(
        board.iter().cloned().collect::<BTreeMap<_, _>>(),
        points(&honest)
    );

    let (lied, board) = demo(&["--json", "--liar"]);
    for (honest, lied) in honest.iter().zip(&lied) {
        assert_eq!(
            honest["final_label"], lied["final_label"],
            "{}",
            honest["text"]
        );
    }
    assert_eq!(
        board.iter().cloned().collect::<BTreeMap<_, _>>(),
        points(&lied)
    );
    let (last, carole) = board.last().unwrap();
    assert_eq!(last, "carole");
    assert!(
        board[..2]
            .iter()
            .all(|(_, points)| *points == lied.len() as i64 && points > carole)
    );
}

#[test]
fn the_demo_labels_what_it_is_given() {
    let (lines, _) = demo(&["--json", "I love it", "What a terrible day"]);
    let labels: Vec<_> = lines
        .iter()
        .map(|line| line["final_label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["positive", "negative"]);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.txt");
    std::fs::write(
        &file,
        "The food was delicious.\n\n  The food was awful.  \n",
    )
    .unwrap();
    let output = stdout(&run("demo", &["--file", file.to_str().unwrap()]));
    for part in [
        "The food was delicious.",
        "positive",
        "negative",
        "alice",
        "2 of 2 texts finalized",
    ] {
        assert!(output.contains(part), "{part:?} is missing in:\n{output}");
    }
}

#[test]
fn the_smallest_market_runs() {
    let output = stdout(&run("in_process", &[]));
    assert!(
        output.starts_with("What a wonderful day!: positive (0."),
        "{output}"
    );
}

/// Runs a program that must fail, and returns the one line that it says why.
fn refusal(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "one line says what is wrong:\n{stderr}");
    lines[0].to_owned()
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let foreign = path("foreign.db");
    std::fs::write(
        &foreign,
        "these are the notes of somebody else, and no database at all",
    )
    .unwrap();
    let error = refusal("coordinator", &["--db", &foreign, "--bind", "127.0.0.1:0"]);
    assert!(error.contains("foreign.db"), "{error}");
    assert_eq!(
        std::fs::read(&foreign).unwrap().len(),
        60,
        "it is left as it was"
    );

    let db = path("new.db");
    let error = refusal("coordinator", &["--db", &db, "--bind", "0.0.0.0:0"]);
    assert!(error.contains("0.0.0.0"), "{error}");
    let short = [
        "--db",
        &db,
        "--bind",
        "127.0.0.1:0",
        "--lease-seconds",
        "3",
        "--heartbeat-seconds",
        "2",
    ];
    let error = refusal("coordinator", &short);
    assert!(error.contains("heartbeat"), "{error}");

    let missing = path("no-model");
    std::fs::create_dir(&missing).unwrap();
    let error = refusal("worker", &["alice", "--model", &missing]);
    assert!(error.contains("config.json"), "{error}");
    let error = refusal("demo", &["--file", &path("nothing.txt")]);
    assert!(error.contains("nothing.txt"), "{error}");
    let twice = ["alice", "--model", "a=bundled", "--model", "a=./m"];
    let error = refusal("worker", &twice);
    assert!(
        error.contains("tasks of type a have two models: bundled and ./m"),
        "{error}"
    );
    let both = [
        "alice",
        "--model",
        "bundled",
        "--model",
        "sentiment=bundled",
    ];
    let error = refusal("worker", &both);
    assert!(
        error.contains("type sentiment are served by both"),
        "{error}"
    );
    let other = ["alice", "--model", "a=bundled", "--task-types", "a,b"];
    let error = refusal("worker", &other);
    assert!(error.contains("no model does tasks of type b"), "{error}");
    let error = refusal("worker", &["alice", "--coordinator", "not a url"]);
    assert!(error.contains("not a url"), "{error}");
}

#[test]
fn every_program_explains_itself() {
    for name in ["coordinator", "demo", "quantize", "worker"] {
        let help = stdout(&run(name, &["--help"]));
        assert!(help.contains("Usage: ") && help.len() > 300, "{help}");
    }
    let output = run("worker", &["alice", "--model", "my type=bundled"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("the task type contains ' '"), "{error}");
    let help = stdout(&run("coordinator", &["--help"]));
    for option in [
        "--bind",
        "--db",
        "--required-submissions",
        "--lease-seconds",
    ] {
        assert!(help.contains(option), "{help}");
    }
    for variable in [
        "AI_MARKET_HEARTBEAT_SECONDS",
        "AI_MARKET_ALLOW_OPS",
        "AI_MARKET_OPEN_VOTES",
    ] {
        assert!(help.contains(variable), "{help}");
    }
    let help = stdout(&run("worker", &["--help"]));
    for word in [
        "WORKER_ID",
        "COORD_URL",
        "--model <[TYPE=]MODEL>",
        "AI_MARKET_MODEL",
        "--task-types",
        "--batch",
        "--metrics",
        "AI_MARKET_WORKER_METRICS",
        "--log-format",
    ] {
        assert!(help.contains(word), "{help}");
    }
}

/// A row for each option under "Limits" in the help, and the same default in both.
#[test]
fn the_limits_are_those_that_the_documentation_lists() {
    let help = stdout(&run("coordinator", &["--help"]));
    let (_, limits) = help.split_once("\nLimits:\n").unwrap();
    let mut served = BTreeMap::new();
    for text in limits.split("\n      --").map(|text| text.trim_start()) {
        let name = text.trim_start_matches("--").split(' ').next().unwrap();
        let default = text.split_once("[default: ").map(|(_, rest)| rest);
        let default = default.and_then(|rest| rest.split(']').next());
        served.insert(name.to_owned(), default.map(str::to_owned));
    }
    assert!(served.len() > 20, "{served:?}");
    let document = include_str!("../../../docs/security.md");
    let rows = document.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `--")?.split_once('`')?;
        let usually = rest.split(" | ").nth(1)?.replace(',', "");
        let number = usually.parse::<u64>().ok().map(|_| usually);
        Some((name.to_owned(), number))
    });
    assert_eq!(served, rows.collect::<BTreeMap<_, _>>());
}
