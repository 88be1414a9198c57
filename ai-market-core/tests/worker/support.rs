//! A market in process whose time is tokio's, which tests pause.

use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Heartbeat, HeartbeatReply, Receipt,
    ReleaseRequest, TaskSpec, Terms, WorkerApi,
};
use ai_market_core::assignment::Assignment;
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::inference::{
    InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::store::{MemoryOptions, WorkerProfile};
use ai_market_core::submission::{ModelIdentity, Vote};
use ai_market_core::task::TaskDetails;
use ai_market_core::time::{Clock, Timestamp};
use ai_market_core::worker::{Worker, WorkerBuilder};
use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A clock that stands still with tokio's.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.0.elapsed())
    }
}

/// A coordinator with leases of ten seconds, and its maintenance.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) coordinator: Coordinator,
    pub(crate) maintenance: JoinHandle<()>,
    pub(crate) stop: CancellationToken,
}

impl Market {
    pub(crate) fn open() -> Self {
        let clock = TokioClock(Instant::now());
        let store = MemoryOptions::new().with_clock(clock).build();
        let coordinator = Coordinator::builder(store)
            .lease(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(3))
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let maintenance = tokio::spawn({
            let (coordinator, stop) = (coordinator.clone(), stop.clone());
            async move { coordinator.run(stop).await }
        });
        Self {
            coordinator,
            maintenance,
            stop,
        }
    }

    pub(crate) async fn tasks(&self, n: usize, votes: u32) -> Vec<TaskId> {
        let votes = votes.try_into().unwrap();
        let spec = |i| TaskSpec::new(format!("text {i}")).with_required_submissions(votes);
        let results = self.coordinator.enqueue((0..n).map(spec).collect()).await;
        results.into_iter().map(Result::unwrap).collect()
    }

    /// A task of one vote.
    pub(crate) async fn task_of_type(&self, task_type: &str) -> TaskId {
        let spec = TaskSpec::new("a text")
            .with_task_type(TaskType::new(task_type).unwrap())
            .with_required_submissions(NonZeroU32::MIN);
        self.coordinator
            .enqueue(vec![spec])
            .await
            .remove(0)
            .unwrap()
    }

    /// What the worker said of itself.
    pub(crate) async fn profile(&self, name: &str) -> Option<WorkerProfile> {
        let name = WorkerId::new(name).unwrap();
        let worker = self.coordinator.store().worker(name).await.unwrap();
        worker.map(|worker| worker.profile)
    }

    pub(crate) async fn look(&self, id: TaskId) -> TaskDetails {
        self.coordinator.task(id, Duration::ZERO).await.unwrap()
    }

    /// Waits until the task is closed.
    pub(crate) async fn closed(&self, id: TaskId) -> TaskDetails {
        loop {
            let details = self
                .coordinator
                .task(id, Duration::from_secs(30))
                .await
                .unwrap();
            if !details.task.status().is_open() {
                return details;
            }
        }
    }

    pub(crate) fn worker(&self, name: &str, backend: impl InferenceBackend) -> WorkerBuilder {
        worker(name, self.coordinator.clone(), backend)
    }
}

pub(crate) fn worker(
    name: &str,
    api: impl WorkerApi,
    backend: impl InferenceBackend,
) -> WorkerBuilder {
    Worker::builder(WorkerId::new(name).unwrap(), api, backend)
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

/// Waits until a condition holds; a paused clock runs on meanwhile.
pub(crate) async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A model whose answer to each text is given by a function; it can be held up.
#[derive(Debug)]
pub(crate) struct Model {
    info: ModelInfo,
    answer: fn(&str) -> Result<&'static str, InferenceError>,
    /// How long each batch takes.
    takes: Duration,
    pub(crate) batches: AtomicUsize,
}

impl Model {
    pub(crate) fn new(answer: fn(&str) -> Result<&'static str, InferenceError>) -> Self {
        let identity = ModelIdentity::new("test").unwrap();
        let info = ModelInfo::new(identity, [TaskType::sentiment()]);
        Self {
            info,
            answer,
            takes: Duration::ZERO,
            batches: AtomicUsize::new(0),
        }
    }

    pub(crate) fn positive() -> Self {
        Self::new(|_| Ok("positive"))
    }

    /// Under this name, for tasks of this type, with these labels.
    pub(crate) fn named(mut self, name: &str, task_type: &str, labels: &[&str]) -> Self {
        let identity = ModelIdentity::new(name).unwrap();
        let labels = labels.iter().map(|text| label(text)).collect();
        self.info =
            ModelInfo::new(identity, [TaskType::new(task_type).unwrap()]).with_labels(labels);
        self
    }

    pub(crate) fn takes(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }
}

#[async_trait]
impl InferenceBackend for Model {
    fn models(&self) -> &[ModelInfo] {
        std::slice::from_ref(&self.info)
    }

    fn max_batch(&self) -> NonZeroUsize {
        4.try_into().unwrap()
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        let answer = |input: InferenceInput| {
            let words = u32::try_from(input.text.split(' ').count()).unwrap();
            (self.answer)(&input.text)
                .map(|text| Prediction::new(label(text), Confidence::ONE).with_tokens(words))
        };
        inputs.into_iter().map(answer).collect()
    }
}

/// A connection that fails the first calls of each kind, after or before they are done.
#[derive(Debug)]
pub(crate) struct Flaky {
    coordinator: Coordinator,
    calls: AtomicUsize,
    /// Of so many calls, all but the last fail.
    period: usize,
    code: ErrorCode,
    /// So many calls work before it begins.
    good: usize,
}

impl Flaky {
    pub(crate) fn new(coordinator: Coordinator, period: usize, code: ErrorCode) -> Self {
        Self {
            coordinator,
            calls: AtomicUsize::new(0),
            period,
            code,
            good: 0,
        }
    }

    pub(crate) fn after(mut self, good: usize) -> Self {
        self.good = good;
        self
    }

    /// Whether this call fails, and if so whether it is done all the same.
    fn fate(&self) -> Option<bool> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = call.checked_sub(self.good)? % self.period;
        (call + 1 < self.period).then_some(call % 2 == 1)
    }

    fn error(&self) -> ApiError {
        ApiError::new(self.code, "the line is bad")
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match self.fate() {
            None => call.await,
            Some(done) => {
                if done {
                    drop(call.await);
                }
                Err(self.error())
            }
        }
    }
}

#[async_trait]
impl WorkerApi for Flaky {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        self.pass(self.coordinator.register(profile)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        // A claim that is done but not heard of costs a lease where the line stays bad for longer
        // than that, which is not what is tested here.
        match self.fate() {
            None => self.coordinator.claim(request).await,
            Some(_) => Err(self.error()),
        }
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        self.pass(self.coordinator.heartbeat(heartbeat)).await
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        let n = votes.len();
        match self.fate() {
            None => self.coordinator.submit(votes).await,
            Some(done) => {
                if done {
                    drop(self.coordinator.submit(votes).await);
                }
                (0..n).map(|_| Err(self.error())).collect()
            }
        }
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        self.pass(self.coordinator.release(request)).await
    }
}

/// A connection that loses the answers of claims: all that bring tasks, but for every third one.
#[derive(Debug)]
pub(crate) struct LosesClaims {
    coordinator: Coordinator,
    answers: AtomicUsize,
}

impl LosesClaims {
    pub(crate) fn new(coordinator: Coordinator) -> Self {
        Self {
            coordinator,
            answers: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl WorkerApi for LosesClaims {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        self.coordinator.register(profile).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        let claimed = self.coordinator.claim(request).await?;
        let lost = !claimed.is_empty() && self.answers.fetch_add(1, Ordering::Relaxed) % 3 != 2;
        if lost {
            return Err(ApiError::new(ErrorCode::Unreachable, "the line is cut"));
        }
        Ok(claimed)
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        self.coordinator.heartbeat(heartbeat).await
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        self.coordinator.submit(votes).await
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        self.coordinator.release(request).await
    }
}

/// A connection whose coordinator always fails on answers of one label, by a fault of its own.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) coordinator: Coordinator,
    pub(crate) label: Label,
}

#[async_trait]
impl WorkerApi for Faulty {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        self.coordinator.register(profile).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        self.coordinator.claim(request).await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        self.coordinator.heartbeat(heartbeat).await
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        let mut results = Vec::new();
        for vote in votes {
            if vote.label == self.label {
                results.push(Err(ApiError::new(ErrorCode::Internal, "a broken record")));
            } else {
                results.extend(self.coordinator.submit(vec![vote]).await);
            }
        }
        results
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        self.coordinator.release(request).await
    }
}
