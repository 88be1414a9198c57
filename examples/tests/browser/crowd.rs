//! Workers that answer what they are told to, over HTTP.

use std::num::NonZeroU32;

use ai_market_core::api::{ClaimRequest, ClientApi, ReleaseRequest, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{WorkerModel, WorkerProfile};
use ai_market_core::submission::{ModelIdentity, Vote};
use ai_market_http::HttpClient;

/// A worker of the crowd.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: WorkerId,
    model: ModelIdentity,
    client: HttpClient,
}

impl Member {
    /// Registers a worker that runs a model for tasks of a type.
    pub(crate) async fn join(
        client: &HttpClient,
        id: &str,
        model: &str,
        task_type: &TaskType,
    ) -> Self {
        let id = WorkerId::new(id).unwrap();
        let model = ModelIdentity::new(model).unwrap();
        let mut profile = WorkerProfile::new(id.clone(), [task_type.clone()]);
        profile.model = Some(WorkerModel::new(model.clone()));
        client.register(profile).await.unwrap();
        let client = client.clone();
        Self { id, model, client }
    }

    /// Leases the one task that is open.
    pub(crate) async fn claim(&self) -> TaskId {
        let request = ClaimRequest::new(self.id.clone());
        self.client.claim(request).await.unwrap()[0].task
    }

    /// Answers the one task that is open.
    pub(crate) async fn answer(&self, label: &str) {
        let label = Label::new(label).unwrap();
        let confidence = Confidence::new(0.93).unwrap();
        let vote = Vote::new(self.claim().await, self.id.clone(), label, confidence)
            .with_model(self.model.clone());
        self.client.submit(vec![vote]).await.remove(0).unwrap();
    }

    /// Gives the one task back that is open, since it cannot be done.
    pub(crate) async fn fail(&self, reason: &str) {
        let task = self.claim().await;
        let request = ReleaseRequest::new(self.id.clone(), vec![task]).failed(reason);
        self.client.release(request).await.unwrap();
    }
}

/// Creates a task for so many votes, which fails with the second worker that does.
pub(crate) async fn create(
    client: &HttpClient,
    task_type: &TaskType,
    text: &str,
    votes: usize,
) -> TaskId {
    let votes = NonZeroU32::new(u32::try_from(votes).unwrap()).unwrap();
    let spec = TaskSpec::new(text)
        .with_task_type(task_type.clone())
        .with_required_submissions(votes)
        .with_max_attempts(NonZeroU32::MIN);
    client.enqueue(vec![spec]).await.remove(0).unwrap()
}
