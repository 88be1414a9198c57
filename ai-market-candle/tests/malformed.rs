//! Damaged model folders give errors or working models, never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails shall fail its test"
)]

mod common;

use std::borrow::Cow;

use ai_market_candle::{
    ClassifierOptions, ConfigError, LoadError, Model, ModelFiles, SequenceClassifier,
    TokenClassifier, TokenizerFile, WeightsError,
};
use common::files;
use proptest::prelude::*;

fn options() -> ClassifierOptions {
    ClassifierOptions::new().with_threads(std::num::NonZeroUsize::MIN)
}

/// Loads and uses it; a panic fails the test.
fn exercise(files: ModelFiles) -> Result<(), LoadError> {
    let texts = ["good and bad", "", "very good. [SEP] é 你"];
    match Model::from_files(files, &options())? {
        Model::Sequence(classifier) => {
            for answer in classifier.classify(&texts).into_iter().flatten() {
                assert!(answer.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
        Model::Token(classifier) => {
            for (text, answer) in texts.iter().zip(classifier.classify(&texts)) {
                let Ok(answer) = answer else { continue };
                assert!((0.0..=1.0).contains(&answer.confidence));
                for span in &answer.spans() {
                    assert!(span.end() <= text.chars().count(), "{span:?}");
                }
            }
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// A small model of either kind.
fn small(token: bool) -> ModelFiles {
    files(if token {
        "token-one-layer"
    } else {
        "one-layer"
    })
}

#[derive(Debug, Clone)]
enum Damage {
    Truncate(prop::sample::Index),
    Flip(Vec<(prop::sample::Index, u8)>),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    /// Overwrites a digit by another, which keeps JSON whole and makes it lie.
    Digit(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Damage::Truncate),
        prop::collection::vec((index(), 1..=255_u8), 1..6).prop_map(Damage::Flip),
        (index(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(i, b)| Damage::Insert(i, b)),
        (index(), 1..40_usize).prop_map(|(i, n)| Damage::Remove(i, n)),
        (index(), b'0'..=b'9').prop_map(|(i, digit)| Damage::Digit(i, digit)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Cow<'static, [u8]>, within: usize) {
        let bytes = bytes.to_mut();
        let within = within.min(bytes.len());
        match self {
            Self::Truncate(at) => bytes.truncate(at.index(within)),
            Self::Flip(flips) => {
                for (at, mask) in flips {
                    bytes[at.index(within)] ^= mask;
                }
            }
            Self::Insert(at, new) => {
                let at = at.index(within);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Remove(at, count) => {
                let at = at.index(within);
                bytes.drain(at..(at + count).min(within));
            }
            Self::Digit(at, digit) => {
                let digits: Vec<usize> =
                    (0..within).filter(|i| bytes[*i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    bytes[digits[at.index(digits.len())]] = *digit;
                }
            }
        }
    }
}

/// The small model with the tokenizer of a `tokenizer.json`, of few tokens.
fn with_tokenizer_json(token: bool) -> ModelFiles {
    let mut files = small(token);
    let json = std::fs::read(common::fixture("tokenizer.json")).unwrap();
    files.tokenizer = TokenizerFile::Json(json.into());
    files
}

fn quantized(token: bool) -> ModelFiles {
    let mut files = small(token);
    files.weights = ai_market_candle::quantize::quantize(&files)
        .unwrap()
        .0
        .into();
    files
}

fn header(files: &ModelFiles) -> usize {
    8 + u64::from_le_bytes(files.weights[..8].try_into().unwrap()) as usize
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_damaged_configuration_is_no_panic(damage in damage(), token: bool) {
        let mut files = small(token);
        damage.apply(&mut files.config, usize::MAX);
        drop(exercise(files));
    }

    #[test]
    fn a_damaged_weight_header_is_no_panic(damage in damage(), int8: bool, token: bool) {
        let mut files = if int8 { quantized(token) } else { small(token) };
        let header = header(&files);
        damage.apply(&mut files.weights, header);
        drop(exercise(files));
    }

    #[test]
    fn damaged_weights_are_no_panic(damage in damage(), int8: bool, token: bool) {
        let mut files = if int8 { quantized(token) } else { small(token) };
        damage.apply(&mut files.weights, usize::MAX);
        drop(exercise(files));
    }

    #[test]
    fn a_damaged_tokenizer_is_no_panic(damage in damage(), token: bool) {
        let mut files = with_tokenizer_json(token);
        if let TokenizerFile::Json(bytes) = &mut files.tokenizer {
            damage.apply(bytes, usize::MAX);
        }
        drop(exercise(files));
    }

    #[test]
    fn a_damaged_vocabulary_is_no_panic(damage in damage(), setting in damage(), token: bool) {
        let mut files = small(token);
        if let TokenizerFile::Vocabulary(bytes) = &mut files.tokenizer {
            damage.apply(bytes, usize::MAX);
        }
        let mut settings = Cow::Borrowed(
            &br#"{"model_max_length": 16, "do_lower_case": true, "unk_token": "[UNK]", "cls_token": {"content": "[CLS]"}}"#[..],
        );
        setting.apply(&mut settings, usize::MAX);
        drop(exercise(files.with_tokenizer_config(settings)));
    }
}

#[test]
fn every_truncation_of_the_weights_is_an_error() {
    let whole = files("one-layer");
    for length in (0..whole.weights.len()).step_by(97).chain(0..10) {
        let mut files = whole.clone();
        files.weights.to_mut().truncate(length);
        let error = exercise(files).unwrap_err();
        assert!(
            matches!(error, LoadError::Weights(WeightsError::Unreadable(_))),
            "{length}"
        );
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let file = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        let mut files = files("one-layer");
        files.weights = bytes.into();
        exercise(files).unwrap_err()
    };
    for header in [
        r#"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        "[]",
        "",
        "{",
    ] {
        assert!(
            matches!(
                file(header, 4),
                LoadError::Weights(WeightsError::Unreadable(_))
            ),
            "{header}"
        );
    }
    let mut files = files("one-layer");
    files.weights = u64::MAX.to_le_bytes().to_vec().into();
    assert!(exercise(files).is_err());
    let newer = r#"{"__metadata__":{"format":"ai-market-int8-rows/2"}}"#;
    assert!(matches!(
        file(newer, 0),
        LoadError::Weights(WeightsError::Version { .. })
    ));
    assert!(matches!(
        file("{}", 0),
        LoadError::Weights(WeightsError::Missing { .. })
    ));
}

/// The header's text with a change, in front of the same data.
fn with_header(files: &ModelFiles, change: impl Fn(String) -> String) -> ModelFiles {
    let end = header(files);
    let text = change(String::from_utf8(files.weights[8..end].to_vec()).unwrap());
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&files.weights[end..]);
    let mut changed = files.clone();
    changed.weights = bytes.into();
    changed
}

fn message(files: ModelFiles) -> String {
    match exercise(files).unwrap_err() {
        LoadError::Weights(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_tensor_at_fault_is_named() {
    let whole = files("one-layer");
    let renamed = with_header(&whole, |text| {
        text.replace("\"pre_classifier.bias\"", "\"pre.bias\"")
    });
    assert_eq!(message(renamed), "tensor pre_classifier.bias is missing");
    let reshaped = with_header(&whole, |text| text.replace("[40,8]", "[8,40]"));
    assert_eq!(
        message(reshaped),
        "tensor distilbert.embeddings.word_embeddings.weight has shape [8, 40] where [40, 8] is expected"
    );
    let typed = with_header(&whole, |text| text.replace("F32", "I32"));
    assert_eq!(
        message(typed),
        "tensor distilbert.embeddings.word_embeddings.weight is stored as I32; F32, F16, BF16 and I8 with scales are supported"
    );
    let unscaled = with_header(&quantized(false), |text| {
        text.replace("classifier.weight.scale\"", "classifier.weight.other\"")
    });
    assert_eq!(
        message(unscaled),
        "tensor pre_classifier.weight.scale is missing"
    );
    let mut infinite = whole.clone();
    let last = infinite.weights.len() - 4;
    infinite.weights.to_mut()[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(message(infinite).ends_with("holds numbers that are not finite"));
    let mut labels = whole;
    let config = String::from_utf8(labels.config.to_vec()).unwrap();
    labels.config = config
        .replace(
            "\"1\": \"Label 1\"",
            "\"1\": \"Label 1\", \"2\": \"Label 2\"",
        )
        .into_bytes()
        .into();
    assert_eq!(
        message(labels),
        "tensor classifier.weight has shape [2, 8] where [3, 8] is expected"
    );
}

fn with_config(mut files: ModelFiles, change: impl Fn(String) -> String) -> ModelFiles {
    let text = String::from_utf8(files.config.to_vec()).unwrap();
    files.config = change(text).into_bytes().into();
    files
}

#[test]
fn a_model_of_the_other_kind_is_named() {
    let (sequence, token) = (files("one-layer"), files("token-one-layer"));
    let as_sequence = SequenceClassifier::from_files(token.clone(), &options()).unwrap_err();
    let as_token = TokenClassifier::from_files(sequence.clone(), &options()).unwrap_err();
    for (error, found, wanted) in [
        (as_sequence, "Token", "Sequence"),
        (as_token, "Sequence", "Token"),
    ] {
        let LoadError::Config(error @ ConfigError::Architecture { .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            error.to_string(),
            format!(
                "the model is a DistilBertFor{found}Classification, \
                 not a DistilBertFor{wanted}Classification"
            )
        );
    }
    // A configuration that lies about the weights.
    let lies = with_config(sequence, |text| text.replace("ForSequence", "ForToken"));
    assert_eq!(
        message(lies),
        "tensor pre_classifier.weight belongs to a DistilBertForSequenceClassification, \
         and the configuration names a DistilBertForTokenClassification"
    );
    let lies = with_config(token, |text| text.replace("ForToken", "ForSequence"));
    assert_eq!(message(lies), "tensor pre_classifier.weight is missing");
}

#[test]
fn labels_of_tokens_that_fit_nothing_are_named() {
    let more = with_config(files("token-one-layer"), |text| {
        text.replace(
            "\"2\": \"Label 2\"",
            "\"2\": \"Label 2\", \"3\": \"Label 3\"",
        )
    });
    assert_eq!(
        message(more),
        "tensor classifier.weight has shape [3, 8] where [4, 8] is expected"
    );
    for label in ["B-", "I- PER", "-", "X-\\n"] {
        let nameless = with_config(files("token-one-layer"), |text| {
            text.replace("\"2\": \"Label 2\"", &format!("\"2\": \"{label}\""))
        });
        let error = exercise(nameless).unwrap_err();
        assert!(
            matches!(
                error,
                LoadError::Config(ConfigError::EntityType { index: 2, .. })
            ),
            "{label}: {error:?}"
        );
    }
}
