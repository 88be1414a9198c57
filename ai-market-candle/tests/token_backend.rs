//! The backends of workers on models that find entities, and on whatever a folder holds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails shall fail its test"
)]

mod common;

use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_candle::quantize::quantize;
use ai_market_candle::{
    Backend, ClassifierOptions, Head, Model, ModelBackend, ModelSource, TextModel, TokenClassifier,
    TokenClassifierBackend,
};
use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{EntityType, TaskType, WorkerId};
use ai_market_core::inference::{InferenceBackend, InferenceError, InferenceInput};
use ai_market_core::store::{MemoryStore, WorkerProfile};
use ai_market_core::submission::{Span, Spans, Vote};
use common::{bundled, files, fixture, tagged_texts, tagger};

fn input(task_type: TaskType, text: &str) -> InferenceInput {
    InferenceInput::new(task_type, text)
}

fn folder(name: &str) -> ModelSource {
    ModelSource::Folder(fixture(name))
}

fn served<M: TextModel>(backend: &Backend<M>) -> Vec<&str> {
    let types = backend.text_model().info().task_types.iter();
    types.map(TaskType::as_str).collect()
}

#[tokio::test]
async fn answers_are_spans_of_the_text_with_a_confidence() {
    let backend = TokenClassifierBackend::start(tagger("spans-cased")).unwrap();
    assert_eq!(served(&backend), ["ner"]);
    let info = backend.text_model().info();
    assert!(info.labels.is_empty());
    assert_eq!(info.identity.id(), "spans-cased");
    assert_eq!(info.identity.precision(), Some("f16"));
    let cases = tagged_texts("spans-cased");
    let mut inputs: Vec<_> = cases
        .iter()
        .map(|case| input(TaskType::ner(), &case.text))
        .collect();
    inputs.insert(1, input(TaskType::sentiment(), "Berlin"));
    let mut answers = backend.infer(inputs).await;
    assert!(matches!(
        answers.remove(1),
        Err(InferenceError::UnsupportedTaskType(_))
    ));
    assert_eq!(answers.len(), cases.len());
    for (answer, case) in answers.into_iter().zip(&cases) {
        let answer = answer.unwrap();
        let expected = case.entities.iter().map(|(kind, start, end, ..)| {
            Span::new(*start, *end, EntityType::new(kind.as_str()).unwrap()).unwrap()
        });
        let expected = Spans::new(expected);
        assert_eq!(answer.label, expected.to_label().unwrap());
        assert_eq!(answer.truncated, case.truncated);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_an_error_and_not_cut() {
    let long = "Alice met Bob in Berlin. ".repeat(40);
    let answer_within = |max: usize| {
        let options = ClassifierOptions::new().with_max_label_bytes(max);
        let source = folder("spans-accents");
        let backend = TokenClassifierBackend::load(&source, &options, &mut |_| {}).unwrap();
        let text = input(TaskType::ner(), &long);
        async move { backend.infer(vec![text]).await.pop().unwrap() }
    };
    let whole = answer_within(100_000).await.unwrap().label;
    let length = whole.as_str().len();
    assert!(length > 100, "{whole}");
    assert_eq!(answer_within(length).await.unwrap().label, whole);
    let error = answer_within(length - 1).await.unwrap_err();
    assert!(
        matches!(error, InferenceError::AnswerTooLong { bytes, max } if bytes == length && max == length - 1),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_folder_tells_what_it_is() {
    let load = |source: &ModelSource, options: &ClassifierOptions| {
        ModelBackend::load(source, options, &mut |_| {}).unwrap()
    };
    let usual = ClassifierOptions::new();
    let token = load(&folder("spans-uncased"), &usual);
    assert_eq!(token.text_model().head(), Head::Token);
    assert_eq!(served(&token), ["ner"]);
    let sequence = load(&ModelSource::Bundled, &usual);
    assert_eq!(sequence.text_model().head(), Head::Sequence);
    assert_eq!(served(&sequence), ["sentiment"]);
    let (token_answer, sequence_answer) = tokio::join!(
        token.infer(vec![input(TaskType::ner(), "[SEP]")]),
        sequence.infer(vec![input(TaskType::sentiment(), "I love it.")]),
    );
    assert!(
        token_answer[0]
            .as_ref()
            .unwrap()
            .label
            .as_str()
            .starts_with('[')
    );
    assert_eq!(
        sequence_answer[0].as_ref().unwrap().label.as_str(),
        "positive"
    );
    let types = ["pos", "ner"].map(|name| TaskType::new(name).unwrap());
    let options = ClassifierOptions::new().with_task_types(types);
    for source in [folder("spans-accents"), folder("one-layer")] {
        assert_eq!(served(&load(&source, &options)), ["ner", "pos"]);
    }
    let models: [Model; 2] = [bundled().into(), tagger("spans-bytes").into()];
    for (model, task_type) in models.into_iter().zip(["sentiment", "ner"]) {
        let text = input(TaskType::new(task_type).unwrap(), "I love it.");
        let boxed: Box<dyn InferenceBackend> = Box::new(ModelBackend::start(model).unwrap());
        assert!(boxed.infer(vec![text]).await[0].is_ok());
    }
}

#[tokio::test]
async fn workers_agree_byte_for_byte_whatever_else_they_compute() {
    let case = tagged_texts("spans-uncased")
        .into_iter()
        .max_by_key(|case| case.entities.len())
        .unwrap();
    let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
    let votes = NonZeroU32::new(3).unwrap();
    let task = TaskSpec::new(case.text.as_str())
        .with_task_type(TaskType::ner())
        .with_required_submissions(votes);
    let id = coordinator
        .enqueue(vec![task])
        .await
        .pop()
        .unwrap()
        .unwrap();
    let model = tagger("spans-uncased");
    for (name, others) in [("alice", 0), ("bob", 1), ("carol", 30)] {
        let backend = TokenClassifierBackend::start(model.clone()).unwrap();
        let worker = WorkerId::new(name).unwrap();
        let types = model.info().task_types.iter().cloned();
        let profile = WorkerProfile::new(worker.clone(), types);
        coordinator.register(profile).await.unwrap();
        let claim = ClaimRequest::new(worker.clone());
        let task = coordinator.claim(claim).await.unwrap().pop().unwrap();
        let mut inputs = vec![input(TaskType::ner(), "Others wait as well"); others];
        inputs.push(input(task.task_type, &task.text));
        let answer = backend.infer(inputs).await.pop().unwrap().unwrap();
        let vote = Vote::new(task.task, worker, answer.label, answer.confidence);
        let receipt = coordinator.submit(vec![vote]).await.pop().unwrap().unwrap();
        assert_eq!(receipt.finalized(), name == "carol");
    }
    let decided = coordinator.task(id, Duration::ZERO).await.unwrap();
    let label = decided.task.final_label().unwrap();
    assert_eq!(decided.submissions.len(), 3);
    assert!(decided.submissions.iter().all(|vote| vote.label == *label));
    assert_eq!(Spans::try_from(label).unwrap().len(), case.entities.len());
}

#[test]
fn entity_types_are_as_the_model_spells_them_unless_asked_for_in_lower_case() {
    let text = "MiXeD CaSe WoRdS aNd АБВ и Ελληνικά και עברית و العربية";
    let kinds = |options: &ClassifierOptions| -> Vec<String> {
        let tagger = TokenClassifier::from_files(files("spans-accents"), options).unwrap();
        let found = tagger.classify(&[text]).pop().unwrap().unwrap();
        found
            .entities
            .iter()
            .map(|entity| entity.kind.to_string())
            .collect()
    };
    let spelled = kinds(&ClassifierOptions::new());
    assert!(spelled.iter().any(|kind| kind == "NOUN"), "{spelled:?}");
    let lower = kinds(&ClassifierOptions::new().with_lowercase_labels(true));
    let expected: Vec<String> = spelled.iter().map(|kind| kind.to_lowercase()).collect();
    assert_eq!(lower, expected);
}

#[test]
fn an_8_bit_model_finds_spans_as_well() {
    let mut small = files("spans-uncased");
    small.weights = quantize(&small).unwrap().0.into();
    let model = Model::from_files(small, &ClassifierOptions::new()).unwrap();
    assert_eq!(model.info().identity.precision(), Some("int8"));
    let (mut same, mut all) = (0, 0);
    for case in tagged_texts("spans-uncased") {
        let answer = model.predict(&[&case.text]).pop().unwrap().unwrap();
        let spans = Spans::try_from(&answer.label).unwrap();
        all += case.entities.len();
        same += case
            .entities
            .iter()
            .filter(|(kind, start, end, ..)| {
                spans
                    .iter()
                    .any(|s| (s.kind().as_str(), s.start(), s.end()) == (kind, *start, *end))
            })
            .count();
    }
    // Rounding changes some that were nearly tied.
    assert!(same * 10 > all * 8, "{same} of {all}");
}

#[test]
fn numbers_that_are_not_finite_are_no_answer() {
    let mut huge = files("token-one-layer");
    let tensors = safetensors::SafeTensors::deserialize(&huge.weights).unwrap();
    let data = tensors.tensor("classifier.weight").unwrap().data();
    let start = data.as_ptr() as usize - huge.weights.as_ptr() as usize;
    let end = start + data.len();
    for word in huge.weights.to_mut()[start..end].chunks_exact_mut(4) {
        word.copy_from_slice(&f32::MAX.to_le_bytes());
    }
    let tagger = TokenClassifier::from_files(huge, &ClassifierOptions::new()).unwrap();
    let answer = tagger.classify(&["good"]).pop().unwrap();
    assert!(matches!(answer, Err(InferenceError::Failed(_))));
}
