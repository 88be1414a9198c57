//! What the demo prints.

use std::error::Error;
use std::io::{IsTerminal, Write};

use ai_market_core::id::Label;
use ai_market_core::store::Place;
use ai_market_core::task::{TaskDetails, TaskState};
use ai_market_examples::Sentence;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::ProgressBar;
use serde_json::json;

/// How far the demo is: a bar on a terminal, else a line for every quarter.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| ProgressBar::new(total as u64));
        Self {
            bar,
            done: 0,
            total,
        }
    }

    pub(crate) fn advance(&mut self) {
        let quarter = |done: usize| done * 4 / self.total;
        let before = quarter(self.done);
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if quarter(self.done) > before => {
                eprintln!("{} of {} texts labelled", self.done, self.total);
            }
            None => {}
        }
    }

    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One JSON object a line: each text with its votes, then the leaderboard.
pub(crate) fn print_json(
    labelled: &[TaskDetails],
    standings: &[Place],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut out = std::io::stdout().lock();
    for details in labelled {
        let votes = details.submissions.iter().map(|vote| {
            json!({
                "worker_id": vote.worker.as_str(),
                "label": vote.label.as_str(),
                "confidence": vote.confidence.get(),
            })
        });
        let line = json!({
            "text": &*details.task.text,
            "final_label": details.task.final_label().map(Label::as_str),
            "agreement": agreement(details),
            "submissions": votes.collect::<Vec<_>>(),
        });
        writeln!(out, "{line}")?;
    }
    let places = standings
        .iter()
        .map(|place| json!({"worker_id": place.worker.as_str(), "points": place.points}));
    writeln!(
        out,
        "{}",
        json!({"leaderboard": places.collect::<Vec<_>>()})
    )?;
    Ok(())
}

fn agreement(details: &TaskDetails) -> Option<f64> {
    match &details.task.state {
        TaskState::Finalized { agreement, .. } => Some(agreement.get()),
        _ => None,
    }
}

/// The mean confidence of those who voted for the final label.
fn confidence(details: &TaskDetails) -> Option<f64> {
    let label = details.task.final_label()?;
    let votes = details
        .submissions
        .iter()
        .filter(|vote| vote.label == *label && !vote.late);
    let confidences: Vec<_> = votes.map(|vote| vote.confidence.get()).collect();
    let sum: f64 = confidences.iter().sum();
    (!confidences.is_empty()).then(|| sum / confidences.len() as f64)
}

/// Who voted what, a line for each label.
fn votes(details: &TaskDetails) -> String {
    let mut lines: Vec<(&Label, String)> = Vec::new();
    for vote in &details.submissions {
        let voter = format!("{} {:.2}", vote.worker, vote.confidence.get());
        match lines.iter_mut().find(|(label, _)| **label == vote.label) {
            Some((_, line)) => {
                line.push_str(", ");
                line.push_str(&voter);
            }
            None => lines.push((&vote.label, format!("{}: {voter}", vote.label))),
        }
    }
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

/// A table of the texts, one of the leaderboard, and how many labels are as expected.
pub(crate) fn print_tables(sentences: &[Sentence], labelled: &[TaskDetails], standings: &[Place]) {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["text", "final label", "confidence", "votes"]);
    if !std::io::stdout().is_terminal() {
        table.set_width(120);
    }
    for details in labelled {
        let label = match &details.task.state {
            TaskState::Finalized { label, .. } => label.to_string(),
            TaskState::Failed { reason, .. } => format!("failed: {reason}"),
            TaskState::Open => "open".to_owned(),
            _ => "unknown".to_owned(),
        };
        table.add_row([
            details.task.text.to_string(),
            label,
            confidence(details).map_or_else(String::new, |value| format!("{value:.2}")),
            votes(details),
        ]);
    }
    println!("{table}");

    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(["worker", "points", "votes"]);
    for place in standings {
        table.add_row([
            place.worker.to_string(),
            place.points.to_string(),
            place.submissions.to_string(),
        ]);
    }
    println!("\n{table}");

    let finalized = labelled
        .iter()
        .filter(|details| details.task.final_label().is_some())
        .count();
    println!("\n{finalized} of {} texts finalized", labelled.len());
    let judged = sentences.iter().zip(labelled);
    let judged = judged.filter_map(|(s, d)| Some((s.expected.as_ref()?, d.task.final_label())));
    let right: Vec<_> = judged
        .map(|(expected, label)| label == Some(expected))
        .collect();
    if !right.is_empty() {
        let n = right.iter().filter(|right| **right).count();
        let share = 100.0 * n as f64 / right.len() as f64;
        println!(
            "{n} of {} labels are those of the person who wrote the sample ({share:.1} %)",
            right.len()
        );
    }
}
