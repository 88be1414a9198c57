use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction};

/// A model that computes synchronously, for [`BlockingBackend`] to run on a thread.
///
/// [`infer`](Self::infer) must return one result per input, in order.
pub trait BlockingModel: Send + 'static {
    /// What the model is and which task types it serves.
    fn model(&self) -> &ModelInfo;

    /// The most inputs worth giving at once.
    fn max_batch(&self) -> NonZeroUsize;

    /// Answers each input; it may take as long as it needs.
    fn infer(&mut self, inputs: &[InferenceInput]) -> Vec<Result<Prediction, InferenceError>>;
}

type Answers = Vec<Result<Prediction, InferenceError>>;

struct Job {
    inputs: Vec<InferenceInput>,
    answer: oneshot::Sender<Answers>,
}

/// Runs a synchronous model on a named thread of its own.
///
/// Batches are answered one after the other, in the order in which they came. One whose future was
/// dropped before its turn is skipped. A panic of the model fails the batch that caused it, and the
/// model goes on with the next one. The thread ends when the backend is dropped.
#[derive(Debug)]
pub struct BlockingBackend {
    model: ModelInfo,
    max_batch: NonZeroUsize,
    // Unbounded because a worker bounds its own batches in flight, and `infer` must accept any.
    jobs: Sender<Job>,
}

impl BlockingBackend {
    /// Starts the thread `name` (its first 15 bytes are what Linux shows) with `model` on it.
    ///
    /// # Errors
    ///
    /// When the operating system starts no thread.
    pub fn start(name: &str, model: impl BlockingModel) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let info = model.model().clone();
        let max_batch = model.max_batch();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(model, &queue))?;
        Ok(Self {
            model: info,
            max_batch,
            jobs,
        })
    }
}

fn serve(mut model: impl BlockingModel, queue: &Receiver<Job>) {
    while let Ok(Job { inputs, answer }) = queue.recv() {
        if answer.is_closed() {
            continue;
        }
        // OK because a model that broke its own state can only give wrong answers, which is what
        // the consensus is there to catch.
        let outcome = catch_unwind(AssertUnwindSafe(|| model.infer(&inputs)));
        let answers = match outcome {
            Ok(answers) if answers.len() == inputs.len() => answers,
            Ok(answers) => {
                let message = format!(
                    "the model gave {} answers to {} inputs",
                    answers.len(),
                    inputs.len()
                );
                fail_all(inputs.len(), &message)
            }
            Err(panic) => {
                let cause = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                    .unwrap_or("no message");
                fail_all(inputs.len(), &format!("the model panicked: {cause}"))
            }
        };
        // A receiver that is gone no longer wants the answers.
        drop(answer.send(answers));
    }
}

fn fail_all(count: usize, message: &str) -> Answers {
    (0..count)
        .map(|_| Err(InferenceError::failed(message.to_owned())))
        .collect()
}

#[async_trait]
impl InferenceBackend for BlockingBackend {
    fn models(&self) -> &[ModelInfo] {
        std::slice::from_ref(&self.model)
    }

    fn max_batch(&self) -> NonZeroUsize {
        self.max_batch
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Answers {
        let count = inputs.len();
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.send(Job { inputs, answer }).is_ok();
        match answered.await {
            Ok(answers) if sent => answers,
            _ => (0..count).map(|_| Err(InferenceError::Stopped)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confidence::Confidence;
    use crate::id::{Label, TaskType};
    use crate::submission::ModelIdentity;

    struct Echo(ModelInfo);

    impl BlockingModel for Echo {
        fn model(&self) -> &ModelInfo {
            &self.0
        }

        fn max_batch(&self) -> NonZeroUsize {
            NonZeroUsize::MIN
        }

        fn infer(&mut self, inputs: &[InferenceInput]) -> Answers {
            inputs
                .iter()
                .map(|input| match &*input.text {
                    "panic" => panic!("asked to"),
                    text => Ok(Prediction::new(Label::new(text).unwrap(), Confidence::ONE)),
                })
                .collect()
        }
    }

    fn backend() -> BlockingBackend {
        let info = ModelInfo::new(ModelIdentity::new("echo").unwrap(), [TaskType::sentiment()]);
        BlockingBackend::start("echo", Echo(info)).unwrap()
    }

    fn input(text: &str) -> InferenceInput {
        InferenceInput::new(TaskType::sentiment(), text)
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_inputs() {
        let answers = backend().infer(vec![input("a"), input("b")]).await;
        let labels: Vec<_> = answers
            .into_iter()
            .map(|a| a.unwrap().label.to_string())
            .collect();
        assert_eq!(labels, ["a", "b"]);
        assert!(backend().infer(Vec::new()).await.is_empty());
    }

    #[tokio::test]
    async fn a_panic_fails_its_batch_only() {
        let backend = backend();
        let answers = backend.infer(vec![input("a"), input("panic")]).await;
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Err(InferenceError::Failed(_))))
        );
        assert!(backend.infer(vec![input("b")]).await[0].is_ok());
    }
}
