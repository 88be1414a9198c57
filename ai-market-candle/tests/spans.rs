//! Entities against those of Transformers' pipeline, for tokenizers and texts of many kinds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails shall fail its test"
)]

mod common;

use ai_market_candle::{TokenClassification, TokenClassifier};
use ai_market_core::inference::InferenceError;
use ai_market_core::submission::{Span, Spans};
use common::{TAGGERS, TaggedText, tagged_texts, tagger};

const TOLERANCE: f64 = 1e-4;

fn check(found: &TokenClassification, expected: &TaggedText) {
    let text = &expected.text;
    assert_eq!(found.tokens, expected.tokens, "{text:?}");
    assert_eq!(found.truncated, expected.truncated, "{text:?}");
    let parts = |entities: &[ai_market_candle::Entity]| -> Vec<(String, usize, usize, String)> {
        entities
            .iter()
            .map(|e| (e.kind.to_string(), e.start, e.end, e.word.clone()))
            .collect()
    };
    let wanted: Vec<(String, usize, usize, String)> = expected
        .entities
        .iter()
        .map(|(kind, start, end, _, word)| (kind.clone(), *start, *end, word.clone()))
        .collect();
    assert_eq!(parts(&found.entities), wanted, "{text:?}");
    for (entity, (.., score, _)) in found.entities.iter().zip(&expected.entities) {
        assert!(
            (entity.score - score).abs() < TOLERANCE,
            "{text:?}: {entity:?} has not the score {score}"
        );
    }
    assert!(
        (found.confidence - expected.confidence).abs() < TOLERANCE,
        "{text:?}: {} is not {}",
        found.confidence,
        expected.confidence
    );
}

fn classify(tagger: &TokenClassifier, texts: &[&str]) -> Vec<TokenClassification> {
    let found: Result<Vec<_>, InferenceError> = tagger.classify(texts).into_iter().collect();
    found.unwrap()
}

#[test]
fn entities_equal_those_of_the_pipeline_alone_and_in_batches() {
    for name in TAGGERS {
        let tagger = tagger(name);
        let cases = tagged_texts(name);
        assert!(cases.len() >= 200, "{name}: {}", cases.len());
        let texts: Vec<&str> = cases.iter().map(|case| &*case.text).collect();
        let together = classify(&tagger, &texts);
        assert_eq!(together.len(), cases.len());
        for (case, together) in cases.iter().zip(&together) {
            check(together, case);
            let alone = classify(&tagger, &[&case.text]);
            check(&alone[0], case);
        }
    }
}

/// That the comparison above compares something.
#[test]
fn the_expected_spans_are_of_many_kinds() {
    for name in TAGGERS {
        let cases = tagged_texts(name);
        let count =
            |which: &dyn Fn(&TaggedText) -> bool| cases.iter().filter(|case| which(case)).count();
        assert!(count(&|case| case.truncated) >= 10, "{name}");
        assert!(count(&|case| !case.truncated) >= 100, "{name}");
        assert!(count(&|case| case.entities.is_empty()) >= 4, "{name}");
        assert!(count(&|case| case.entities.len() > 5) >= 40, "{name}");
        let kinds: std::collections::BTreeSet<_> = cases
            .iter()
            .flat_map(|case| &case.entities)
            .map(|(kind, ..)| kind)
            .collect();
        assert!(kinds.len() >= 2, "{name}: {kinds:?}");
        // Entities of several words, and parts of words that are entities of their own.
        let long = |case: &TaggedText| case.entities.iter().any(|e| e.2 - e.1 > 4);
        let touching = |case: &TaggedText| {
            case.entities
                .windows(2)
                .any(|pair| pair[0].2 >= pair[1].1 && pair[0].0 == pair[1].0)
        };
        assert!(count(&long) >= 30, "{name}: {}", count(&long));
        assert!(count(&touching) >= 10, "{name}: {}", count(&touching));
    }
}

#[test]
fn the_label_is_the_spans_in_canonical_form() {
    for name in TAGGERS {
        let tagger = tagger(name);
        for case in tagged_texts(name) {
            let answer = tagger.predict(&[&case.text]).pop().unwrap().unwrap();
            let mut parts: Vec<(usize, usize, &str)> = case
                .entities
                .iter()
                .map(|(kind, start, end, ..)| (*start, *end, kind.as_str()))
                .collect();
            parts.sort_unstable();
            // Tokens that are parts of one character can be the same part of the text.
            parts.dedup();
            let parts: Vec<String> = parts
                .into_iter()
                .map(|(start, end, kind)| {
                    format!(r#"{{"start":{start},"end":{end},"type":"{kind}"}}"#)
                })
                .collect();
            assert_eq!(answer.label.as_str(), format!("[{}]", parts.join(",")));
            assert!((answer.confidence.get() - case.confidence).abs() < TOLERANCE);
            assert_eq!(answer.truncated, case.truncated);
            assert_eq!(answer.scores, None);
            let spans = Spans::try_from(&answer.label).unwrap();
            assert_eq!(spans.to_label().unwrap(), answer.label);
            let covered = |span: &Span| {
                span.text_in(&case.text)
                    .is_some_and(|part| !part.is_empty())
            };
            assert!(spans.iter().all(covered), "{:?}", case.text);
        }
    }
}

#[test]
fn logits_are_told_for_every_token_and_label() {
    let tagger = tagger("spans-uncased");
    let labels = tagger.labels().len();
    assert_eq!(labels, 7);
    for found in classify(&tagger, &["", "Alice met Bob", &"Bob ".repeat(500)]) {
        assert_eq!(found.logits.len(), found.tokens * labels);
        assert_eq!(found.truncated, found.tokens == tagger.max_tokens());
    }
}
