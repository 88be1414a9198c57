//! A worker on the client: it hands in what it has computed at once.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType};
use ai_market_core::inference::{
    InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::worker::Worker;
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::common::{Market, soon};
use crate::worker;

#[derive(Debug)]
struct Positive([ModelInfo; 1]);

#[async_trait]
impl InferenceBackend for Positive {
    fn models(&self) -> &[ModelInfo] {
        &self.0
    }

    fn max_batch(&self) -> NonZeroUsize {
        NonZeroUsize::new(8).unwrap()
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        let label = || Label::new("positive").unwrap();
        let answers = inputs
            .iter()
            .map(|_| Ok(Prediction::new(label(), Confidence::ONE)));
        answers.collect()
    }
}

#[tokio::test]
async fn a_worker_hands_a_batch_in_as_one() {
    let market = Market::open().await;
    let client = market.client();
    let spec = TaskSpec::new("t").with_required_submissions(NonZeroU32::MIN);
    let ids = client.enqueue(vec![spec; 24]).await;
    let model = ModelInfo::new(ModelIdentity::new("m").unwrap(), [TaskType::sentiment()]);
    let alice = Worker::builder(worker("alice"), market.client(), Positive([model]));
    let alice = alice.build().unwrap();
    let stop = CancellationToken::new();
    let working = alice.run(stop.clone());
    let waiting = async {
        for id in ids {
            let details = client
                .task(id.unwrap(), Duration::from_secs(20))
                .await
                .unwrap();
            assert_eq!(details.task.final_label().unwrap().as_str(), "positive");
        }
        stop.cancel();
    };
    let (report, ()) = soon(async { tokio::join!(working, waiting) }).await;
    assert_eq!(report.unwrap().accepted, 24);
    let text = market.get("/metrics").await.text;
    for line in [
        r#"ai_market_http_requests_total{method="POST",route="/workers/submit/batch",status="200"} 3"#,
        r#"ai_market_http_batch_items_total{result="ok",route="/workers/submit/batch"} 24"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}
