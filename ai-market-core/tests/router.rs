//! Several backends as one: which task types go where, and that answers keep their order.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType};
use ai_market_core::inference::{
    InferenceBackend, InferenceBackendExt, InferenceError, InferenceInput, InvalidRoute, ModelInfo,
    Prediction, Route, Router,
};
use ai_market_core::submission::ModelIdentity;
use async_trait::async_trait;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::sync::Barrier;

fn kind(text: &str) -> TaskType {
    TaskType::new(text).unwrap()
}

fn info(name: &str, task_types: &[&str]) -> ModelInfo {
    let task_types = task_types.iter().map(|text| kind(text));
    ModelInfo::new(ModelIdentity::new(name).unwrap(), task_types)
}

/// Answers with its name and the text; a text `fail` fails.
#[derive(Debug)]
struct Echo {
    models: Vec<ModelInfo>,
    takes: Duration,
    /// The sizes of the batches that it was given.
    batches: Mutex<Vec<usize>>,
    /// Answers once so many backends compute at the same time.
    together: Option<Arc<Barrier>>,
    /// So many answers are left out of each batch.
    left_out: usize,
}

fn echo(models: impl Into<Vec<ModelInfo>>) -> Echo {
    Echo {
        models: models.into(),
        takes: Duration::ZERO,
        batches: Mutex::default(),
        together: None,
        left_out: 0,
    }
}

#[async_trait]
impl InferenceBackend for Echo {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    fn max_batch(&self) -> NonZeroUsize {
        5.try_into().unwrap()
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        self.batches.lock().unwrap().push(inputs.len());
        if let Some(together) = &self.together {
            together.wait().await;
        }
        tokio::time::sleep(self.takes).await;
        let kept = inputs.len().saturating_sub(self.left_out);
        let answer = |input: &InferenceInput| {
            if &*input.text == "fail" {
                return Err(InferenceError::failed("asked to"));
            }
            let name = self.model_for(&input.task_type).unwrap().identity.id();
            let label = Label::new(format!("{name}: {}", input.text)).unwrap();
            Ok(Prediction::new(label, Confidence::ONE))
        };
        inputs[..kept].iter().map(answer).collect()
    }
}

fn input(task_type: &str, text: &str) -> InferenceInput {
    InferenceInput::new(kind(task_type), text)
}

/// Each answer as text; an error as what it says.
fn texts(answers: Vec<Result<Prediction, InferenceError>>) -> Vec<String> {
    let text = |answer: Result<Prediction, InferenceError>| match answer {
        Ok(answer) => answer.label.to_string(),
        Err(error) => error.to_string(),
    };
    answers.into_iter().map(text).collect()
}

#[tokio::test]
async fn each_input_goes_to_the_backend_of_its_type() {
    let one = Arc::new(echo([info("one", &["a", "b"])]));
    let two = Arc::new(echo([info("two", &["c"])]));
    let router = Router::new([Route::new(one.clone()), Route::new(two.clone())]).unwrap();
    let inputs = vec![
        input("c", "1"),
        input("a", "2"),
        input("x", "3"),
        input("b", "fail"),
        input("c", "5"),
    ];
    assert_eq!(
        texts(router.infer(inputs).await),
        [
            "two: 1",
            "one: 2",
            "the model does not serve tasks of type x",
            "the model failed",
            "two: 5"
        ]
    );
    assert_eq!(*one.batches.lock().unwrap(), [2], "in one batch");
    assert_eq!(*two.batches.lock().unwrap(), [2]);
    router.infer(vec![input("a", "6")]).await;
    assert_eq!(two.batches.lock().unwrap().len(), 1, "it is left alone");
    assert!(router.infer(Vec::new()).await.is_empty());
}

#[tokio::test]
async fn backends_compute_at_the_same_time() {
    let together = Arc::new(Barrier::new(2));
    let with = |model| Echo {
        together: Some(together.clone()),
        ..echo([model])
    };
    let routes = [with(info("one", &["a"])), with(info("two", &["b"]))].map(Route::new);
    let router = Router::new(routes).unwrap();
    let answers = router.infer(vec![input("a", "1"), input("b", "2")]).await;
    assert_eq!(texts(answers), ["one: 1", "two: 2"]);
}

#[tokio::test]
async fn what_a_backend_leaves_out_fails_alone() {
    let forgetful = Echo {
        left_out: 1,
        ..echo([info("one", &["a"])])
    };
    let routes = [
        Route::new(forgetful),
        Route::new(echo([info("two", &["b"])])),
    ];
    let router = Router::new(routes).unwrap();
    let inputs = vec![input("a", "1"), input("a", "2"), input("b", "3")];
    let expected = ["one: 1", "the model failed", "two: 3"];
    assert_eq!(texts(router.infer(inputs).await), expected);
}

#[test]
fn a_route_may_be_for_some_of_what_its_backend_serves() {
    let both = Arc::new(echo([info("one", &["a", "b"]), info("other", &["b", "c"])]));
    let router = Router::new([Route::new(both.clone())]).unwrap();
    // Of two models that serve a type, the first answers it.
    assert_eq!(
        router.models(),
        [info("one", &["a", "b"]), info("other", &["c"])]
    );
    let routes = [
        Route::new(both).with_task_types([kind("c")]),
        Route::new(echo([info("two", &["a", "b"])])),
    ];
    let router = Router::new(routes).unwrap();
    assert_eq!(
        router.models(),
        [info("other", &["c"]), info("two", &["a", "b"])]
    );
    let model = router.model_for(&kind("b")).unwrap();
    assert_eq!(model.identity.id(), "two");
    assert_eq!(router.task_types().len(), 3);
    assert_eq!(router.max_batch().get(), 10);
}

#[test]
fn a_router_of_routers_is_one() {
    let inner = Router::new([Route::new(echo([info("one", &["a"])]))]).unwrap();
    let routes = [Route::new(inner), Route::new(echo([info("two", &["b"])]))];
    assert_eq!(Router::new(routes).unwrap().models().len(), 2);
}

#[test]
fn routes_that_cannot_be_taken_together_are_refused() {
    let refused = |routes: Vec<Route>| Router::new(routes).unwrap_err();
    let one = || Route::new(echo([info("one", &["a", "b"])]));
    assert_eq!(refused(Vec::new()), InvalidRoute::NoRoute);
    let nothing = InvalidRoute::ServesNothing("one".to_owned());
    assert_eq!(refused(vec![one().with_task_types([])]), nothing);
    let idle = Route::new(echo([info("idle", &[])]));
    let nothing = InvalidRoute::ServesNothing("idle".to_owned());
    assert_eq!(refused(vec![one(), idle]), nothing);
    let other = one().with_task_types([kind("c")]);
    assert_eq!(
        refused(vec![other]).to_string(),
        "the model one does not serve tasks of type c"
    );
    let two = Route::new(echo([info("two", &["b"])]));
    assert_eq!(
        refused(vec![one(), two]).to_string(),
        "tasks of type b are served by both one and two"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_keep_the_order_of_the_inputs(
        mix in vec((0..5_usize, 0..9_u32), 0..60),
        takes in vec(0..3_u64, 3),
    ) {
        // Three backends, one with two models; the fifth type is served by none.
        let types = ["a", "b", "c", "d", "e"];
        let models = [
            vec![info("one", &["a"]), info("two", &["b"])],
            vec![info("three", &["c"])],
            vec![info("four", &["d"])],
        ];
        let routes = models.into_iter().zip(takes).map(|(models, takes)| {
            Route::new(Echo { takes: Duration::from_secs(takes), ..echo(models) })
        });
        let router = Router::new(routes).unwrap();
        let names = ["one", "two", "three", "four"];
        let expected: Vec<_> = mix.iter().map(|(of, n)| match names.get(*of) {
            Some(name) => format!("{name}: {n}"),
            None => "the model does not serve tasks of type e".to_owned(),
        }).collect();
        let inputs = mix.iter().map(|(of, n)| input(types[*of], &n.to_string())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        prop_assert_eq!(texts(runtime.block_on(router.infer(inputs))), expected);
    }
}
