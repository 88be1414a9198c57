//! What the integration tests share.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails shall fail its test"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "no test file uses all of it, and each has its own copy"
)]

use std::path::{Path, PathBuf};

use ai_market_candle::{
    ClassifierOptions, DistilBert, ModelConfig, ModelFiles, SequenceClassifier, TokenClassifier,
};
use serde::Deserialize;

/// The models that `make_fixtures.py` writes with token ids and logits: of sequence classification,
/// then of token classification.
pub const MODELS: [&str; 10] = [
    "one-layer",
    "relu-three-labels",
    "sinusoidal-five-labels",
    "one-head-half",
    "long-bfloat16",
    "head-of-one",
    "token-one-layer",
    "token-relu-nine-labels",
    "token-one-head-half",
    "token-long-bfloat16",
];

/// The models that it writes with texts and the spans in them.
pub const TAGGERS: [&str; 4] = [
    "spans-uncased",
    "spans-cased",
    "spans-accents",
    "spans-bytes",
];

#[derive(Deserialize)]
pub struct Cases {
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
pub struct Case {
    #[serde(default)]
    pub text: String,
    pub ids: Vec<u32>,
    #[serde(default)]
    pub truncated: bool,
    pub logits: Vec<f32>,
}

#[derive(Deserialize)]
struct TaggedTexts {
    cases: Vec<TaggedText>,
}

/// What Transformers' pipeline finds in a text.
#[derive(Deserialize)]
pub struct TaggedText {
    pub text: String,
    pub tokens: usize,
    pub truncated: bool,
    pub confidence: f64,
    /// Kind, start, end, score and word of each entity.
    pub entities: Vec<(String, usize, usize, f64, String)>,
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn cases(path: &str) -> Vec<Case> {
    let json = std::fs::read(fixture(path)).unwrap();
    serde_json::from_slice::<Cases>(&json).unwrap().cases
}

pub fn tagged_texts(tagger: &str) -> Vec<TaggedText> {
    let json = std::fs::read(fixture(tagger).join("spans.json")).unwrap();
    serde_json::from_slice::<TaggedTexts>(&json).unwrap().cases
}

pub fn tagger(name: &str) -> TokenClassifier {
    TokenClassifier::from_files(files(name), &ClassifierOptions::new()).unwrap()
}

pub fn files(model: &str) -> ModelFiles {
    ModelFiles::from_folder(&fixture(model)).unwrap()
}

pub fn model(model: &str) -> DistilBert {
    network(&files(model))
}

pub fn network(files: &ModelFiles) -> DistilBert {
    DistilBert::load(
        ModelConfig::from_json(&files.config).unwrap(),
        &files.weights,
    )
    .unwrap()
}

pub fn bundled() -> SequenceClassifier {
    let source = "bundled".parse().unwrap();
    SequenceClassifier::load(&source, &ClassifierOptions::new(), &mut |_| {}).unwrap()
}

/// The largest difference between two rows of logits.
pub fn distance(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
