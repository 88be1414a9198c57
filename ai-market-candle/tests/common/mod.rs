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
    ClassifierOptions, DistilBert, ModelConfig, ModelFiles, SequenceClassifier,
};
use serde::Deserialize;

/// The models that `make_fixtures.py` writes.
pub const MODELS: [&str; 6] = [
    "one-layer",
    "relu-three-labels",
    "sinusoidal-five-labels",
    "one-head-half",
    "long-bfloat16",
    "head-of-one",
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

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn cases(path: &str) -> Vec<Case> {
    let json = std::fs::read(fixture(path)).unwrap();
    serde_json::from_slice::<Cases>(&json).unwrap().cases
}

pub fn files(model: &str) -> ModelFiles {
    ModelFiles::from_folder(&fixture(model)).unwrap()
}

pub fn model(model: &str) -> DistilBert {
    let files = files(model);
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
