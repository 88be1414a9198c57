//! The backend that workers run, on the bundled model and on a folder.

mod common;

use std::num::NonZeroUsize;

use ai_market_candle::{
    ClassifierBackend, ClassifierOptions, LoadError, LoadEvent, ModelBackend, ModelFiles,
    ModelSource, SequenceClassifier, TokenizerFile,
};
use ai_market_core::id::TaskType;
use ai_market_core::inference::{InferenceBackend, InferenceError, InferenceInput};
use common::{bundled, files, fixture};

fn input(text: &str) -> InferenceInput {
    InferenceInput::new(TaskType::sentiment(), text)
}

fn count(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

#[tokio::test]
async fn answers_carry_label_confidence_and_scores() {
    let backend = ClassifierBackend::start(bundled()).unwrap();
    assert_eq!(backend.models().len(), 1);
    let model = &backend.models()[0];
    let identity = &model.identity;
    assert_eq!(identity.id(), "ai-market/sentiment");
    assert_eq!(identity.precision(), Some("int8"));
    assert_eq!(identity.revision().map(str::len), Some(12));
    assert_eq!(backend.max_batch(), count(32));
    let labels: Vec<_> = model.labels.iter().map(ToString::to_string).collect();
    assert_eq!(labels, ["negative", "positive"]);
    let other = InferenceInput::new(TaskType::new("ner").unwrap(), "Berlin");
    let long = input(&"wonderful and lovely ".repeat(400));
    let inputs = vec![
        input("I love it."),
        other,
        input("Awful, I hate it."),
        long,
        input(""),
    ];
    let answers = backend.infer(inputs).await;
    let expected = ["positive", "", "negative", "positive"];
    for (answer, label) in answers.iter().zip(expected) {
        let Ok(answer) = answer else {
            assert_eq!(label, "");
            continue;
        };
        assert_eq!(answer.label.as_str(), label);
        let scores = answer.scores.as_ref().unwrap();
        assert_eq!(scores.len(), 2);
        assert_eq!(scores.get(&answer.label), Some(answer.confidence));
        let sum: f64 = scores.iter().map(|(_, score)| score.get()).sum();
        assert!(
            (sum - 1.0).abs() < 1e-9 && answer.confidence.get() > 0.8,
            "{answer:?}"
        );
    }
    assert!(matches!(
        answers[1],
        Err(InferenceError::UnsupportedTaskType(_))
    ));
    let truncated: Vec<_> = answers
        .iter()
        .flatten()
        .map(|answer| answer.truncated)
        .collect();
    assert_eq!(truncated, [false, false, true, false]);
    // With the two special ones.
    let tokens: Vec<_> = answers.iter().flatten().map(|a| a.tokens).collect();
    assert_eq!(tokens[0], Some(6));
    assert_eq!(tokens[2], Some(256));
    assert!(backend.infer(Vec::new()).await.is_empty());
}

#[tokio::test]
async fn several_backends_share_one_model() {
    let classifier = bundled();
    let backends: Vec<_> = (0..3)
        .map(|_| ClassifierBackend::start(classifier.clone()).unwrap())
        .collect();
    drop(classifier);
    let (a, b, c) = tokio::join!(
        backends[0].infer(vec![input("Great service!"); 40]),
        backends[1].infer(vec![input("Great service!")]),
        backends[2].infer(vec![input("Great service!"); 7]),
    );
    for answer in a.into_iter().chain(b).chain(c) {
        assert_eq!(answer.unwrap().label.as_str(), "positive");
    }
}

#[test]
fn options_are_kept() {
    let options = ClassifierOptions::new()
        .with_max_tokens(count(8))
        .with_threads(count(1))
        .with_batch_tokens(count(20))
        .with_max_batch(count(5))
        .with_lowercase_labels(false)
        .with_task_types([TaskType::new("mood").unwrap()]);
    let source: ModelSource = fixture("one-layer").to_str().unwrap().parse().unwrap();
    let classifier = SequenceClassifier::load(&source, &options, &mut |_| {}).unwrap();
    assert_eq!(
        (classifier.max_tokens(), classifier.max_batch()),
        (8, count(5))
    );
    let info = classifier.info();
    assert_eq!(info.identity.id(), "one-layer");
    assert_eq!(info.identity.precision(), Some("f32"));
    assert_eq!(info.labels[1].as_str(), "Label 1");
    assert!(info.task_types.iter().map(TaskType::as_str).eq(["mood"]));
    let texts = [
        "very good not bad very good",
        "good",
        "",
        "very very good",
        "bad",
    ];
    let found: Vec<_> = classifier
        .classify(&texts)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let tokens: Vec<_> = found
        .iter()
        .map(|found| (found.tokens, found.truncated))
        .collect();
    assert_eq!(
        tokens,
        [(8, false), (3, false), (2, false), (5, false), (3, false)]
    );
    let cut = classifier
        .classify(&["good ".repeat(7)])
        .pop()
        .unwrap()
        .unwrap();
    assert_eq!((cut.tokens, cut.truncated), (8, true));
    let shown = format!("{classifier:?}");
    assert!(shown.len() < 1000, "{shown}");
}

#[test]
fn a_vocabulary_reads_like_the_tokenizer_made_of_it() {
    let whole = ModelFiles::from_folder(
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sentiment"),
    )
    .unwrap();
    let TokenizerFile::Json(json) = &whole.tokenizer else {
        panic!("no tokenizer.json")
    };
    let json: serde_json::Value = serde_json::from_slice(json).unwrap();
    let vocabulary = json["model"]["vocab"].as_object().unwrap();
    let mut lines = vec![""; vocabulary.len()];
    for (token, id) in vocabulary {
        lines[id.as_u64().unwrap() as usize] = token;
    }
    let text = lines.join("\r\n").into_bytes();
    let mut by_vocabulary = whole;
    by_vocabulary.tokenizer = TokenizerFile::Vocabulary(text.into());
    let by_vocabulary =
        SequenceClassifier::from_files(by_vocabulary, &ClassifierOptions::new()).unwrap();
    for case in common::cases("bundled.json") {
        let tokens = by_vocabulary.tokenizer().encode(&case.text).unwrap();
        assert_eq!(
            (tokens.ids, tokens.truncated),
            (case.ids, case.truncated),
            "{:?}",
            case.text
        );
    }
}

#[test]
fn ties_go_to_the_first_label_and_infinities_are_no_answer() {
    // A classifier of zeros gives equal logits; one of huge numbers overflows.
    let mut zero = files("relu-three-labels");
    let mut huge = zero.clone();
    let tensors = safetensors::SafeTensors::deserialize(&zero.weights).unwrap();
    let start = tensors.tensor("classifier.weight").unwrap().data().as_ptr() as usize
        - zero.weights.as_ptr() as usize;
    let bias = tensors.tensor("classifier.bias").unwrap().data().as_ptr() as usize
        - zero.weights.as_ptr() as usize;
    zero.weights.to_mut()[start..start + 3 * 24 * 4].fill(0);
    zero.weights.to_mut()[bias..bias + 3 * 4].fill(0);
    for word in huge.weights.to_mut()[start..start + 3 * 24 * 4].chunks_exact_mut(4) {
        word.copy_from_slice(&f32::MAX.to_le_bytes());
    }
    let classify = |files| {
        let classifier = SequenceClassifier::from_files(files, &ClassifierOptions::new()).unwrap();
        classifier.classify(&["good"]).pop().unwrap()
    };
    let tie = classify(zero).unwrap();
    assert_eq!((tie.index, tie.probabilities[0]), (0, 1.0 / 3.0));
    assert!(matches!(classify(huge), Err(InferenceError::Failed(_))));
}

#[test]
fn what_a_folder_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = ModelSource::Folder(folder.path().to_owned());
    let load = || SequenceClassifier::load(&source, &ClassifierOptions::new(), &mut |_| {});
    let names = [
        "config.json",
        "tokenizer.json or vocab.txt",
        "model.safetensors",
    ];
    for (name, copied) in names
        .into_iter()
        .zip(["config.json", "vocab.txt", "model.safetensors"])
    {
        let error = load().unwrap_err();
        assert!(
            matches!(error, LoadError::MissingFile { file, .. } if file == name),
            "{error}"
        );
        std::fs::copy(
            fixture("one-layer").join(copied),
            folder.path().join(copied),
        )
        .unwrap();
    }
    assert!(load().is_ok());
    let nowhere = ModelSource::Folder(folder.path().join("nowhere"));
    let error = SequenceClassifier::load(&nowhere, &ClassifierOptions::new(), &mut |_| {});
    assert!(matches!(error.unwrap_err(), LoadError::MissingFile { .. }));
}

#[test]
fn each_part_is_told_of_as_it_is_loaded() {
    let mut parts = Vec::new();
    let mut tell = |event: LoadEvent<'_>| {
        if let LoadEvent::Loading { part, bytes } = event {
            parts.push((part.to_string(), bytes > 0));
        }
    };
    ModelBackend::load(&ModelSource::Bundled, &ClassifierOptions::new(), &mut tell).unwrap();
    let expected = ["config", "tokenizer", "weights"];
    assert_eq!(parts, expected.map(|part| (part.to_owned(), true)));
}
