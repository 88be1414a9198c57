//! Measures how often a model is right on labelled sentences, and optionally PyTorch beside it.
//!
//! ```text
//! cargo run --release -p ai-market-candle --example accuracy --features bundled -- \
//!     --data sst2_dev.json [--model SOURCE] [--pytorch FOLDER] [--python PYTHON]
//! ```
//!
//! `--data` (or `AI_MARKET_EVAL_DATA`) is a JSON file `[["text", 0 or 1], ...]`, where 1 is
//! positive, or a file of lines `label<TAB>text`, in which `#` begins a comment.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ai_market_candle::{ClassifierOptions, ModelSource, SequenceClassifier};
use clap::Parser;

/// Measures how often a model is right on labelled sentences
#[derive(Parser)]
struct Options {
    /// The sentences: JSON [["text", 0 or 1], ...], or lines label<TAB>text
    #[arg(long, env = "AI_MARKET_EVAL_DATA")]
    data: PathBuf,
    /// The model: `bundled`, a folder, or org/name of the Hugging Face hub
    #[arg(long, default_value = "bundled")]
    model: ModelSource,
    /// A model folder that PyTorch shall classify the sentences with too
    #[arg(long)]
    pytorch: Option<PathBuf>,
    /// The Python that has torch and transformers
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Prints the sentences that the model gets wrong
    #[arg(long)]
    wrong: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let sentences = read(&options.data)?;
    let begin = Instant::now();
    let classifier =
        SequenceClassifier::load(&options.model, &ClassifierOptions::new(), &mut |_| {})?;
    let loaded = begin.elapsed();
    let texts: Vec<&str> = sentences.iter().map(|(text, _)| text.as_str()).collect();
    let begin = Instant::now();
    let found = classifier.classify(&texts);
    let classified = begin.elapsed();
    let (mut right, mut tokens) = (0, 0);
    for (found, (text, label)) in found.into_iter().zip(&sentences) {
        let found = found?;
        tokens += found.tokens;
        if found.label.as_str() == label {
            right += 1;
        } else if options.wrong {
            println!(
                "wrong: {} ({:.2}), not {label}: {text}",
                found.label, found.probabilities[found.index]
            );
        }
    }
    println!(
        "{}: {}",
        classifier.info().identity,
        share(right, sentences.len())
    );
    println!(
        "loaded in {:.0} ms; {:.0} sentences and {:.0} tokens per second",
        loaded.as_secs_f64() * 1e3,
        sentences.len() as f64 / classified.as_secs_f64(),
        tokens as f64 / classified.as_secs_f64(),
    );
    if let Some(folder) = &options.pytorch {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/accuracy.py");
        let status = Command::new(&options.python)
            .arg(script)
            .arg(folder)
            .arg(&options.data)
            .status()?;
        if !status.success() {
            return Err(format!("{} failed: {status}", options.python.display()).into());
        }
    }
    Ok(())
}

fn share(right: usize, all: usize) -> String {
    format!(
        "{right} of {all} right, {:.2} %",
        100.0 * right as f64 / all as f64
    )
}

/// Texts with the labels that they should get.
fn read(path: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let file = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if file.trim_start().starts_with('[') {
        let rows: Vec<(String, u8)> = serde_json::from_str(&file)?;
        let label = |number| if number == 1 { "positive" } else { "negative" };
        return Ok(rows
            .into_iter()
            .map(|(text, number)| (text, label(number).to_owned()))
            .collect());
    }
    file.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let (label, text) = line.split_once('\t').ok_or(format!("no tab in {line:?}"))?;
            Ok((text.to_owned(), label.to_owned()))
        })
        .collect()
}
