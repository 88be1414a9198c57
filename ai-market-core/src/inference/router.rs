use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::id::TaskType;

use super::{InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction};

/// Several backends as one: each input goes to the backend that serves its task type.
///
/// The parts of a batch are computed at the same time, and it is answered when the last of them is.
///
/// ```
/// # use ai_market_core::inference::{BlockingBackend, InvalidRoute};
/// use ai_market_core::inference::{InferenceBackendExt, Route, Router};
///
/// # fn both(sentiment: BlockingBackend, spans: BlockingBackend) -> Result<Router, InvalidRoute> {
/// let router = Router::new([Route::new(sentiment), Route::new(spans)])?;
/// println!("this worker does {:?}", router.task_types());
/// # Ok(router)
/// # }
/// ```
#[derive(Debug)]
pub struct Router {
    backends: Vec<Arc<dyn InferenceBackend>>,
    models: Vec<ModelInfo>,
    /// Which of the backends serves a type.
    by_type: BTreeMap<TaskType, usize>,
    max_batch: NonZeroUsize,
}

/// A backend as a part of a [`Router`].
#[derive(Debug, Clone)]
pub struct Route {
    backend: Arc<dyn InferenceBackend>,
    task_types: Option<Vec<TaskType>>,
}

/// Routes that cannot be taken together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRoute {
    /// There is no route.
    #[error("there is no model")]
    NoRoute,
    /// A route is for no task type.
    #[error("the model {0} is to serve no task type")]
    ServesNothing(String),
    /// A route is for a task type that its backend does not serve.
    #[error("the model {model} does not serve tasks of type {task_type}")]
    NotServed {
        /// The model, or all of them where the backend has several.
        model: String,
        /// The type.
        task_type: TaskType,
    },
    /// Two routes are for the same task type.
    #[error("tasks of type {task_type} are served by both {first} and {second}")]
    ServedTwice {
        /// The type.
        task_type: TaskType,
        /// The model of the first route.
        first: String,
        /// The model of the second route.
        second: String,
    },
}

impl Route {
    /// Whatever `backend` serves goes to it.
    pub fn new(backend: impl InferenceBackend) -> Self {
        Self {
            backend: Arc::new(backend),
            task_types: None,
        }
    }

    /// Only tasks of these types go to it.
    #[must_use]
    pub fn with_task_types(mut self, task_types: impl IntoIterator<Item = TaskType>) -> Self {
        self.task_types = Some(task_types.into_iter().collect());
        self
    }

    /// The models that answer on this route, each with the task types that are its.
    fn models(&self) -> Result<Vec<ModelInfo>, InvalidRoute> {
        let models = self.backend.models();
        let names = || super::names(models);
        for task_type in self.task_types.iter().flatten() {
            if !models.iter().any(|model| model.serves(task_type)) {
                return Err(InvalidRoute::NotServed {
                    model: names(),
                    task_type: task_type.clone(),
                });
            }
        }
        let mut answering: Vec<ModelInfo> = Vec::with_capacity(models.len());
        for model in models {
            let mut model = model.clone();
            model.task_types.retain(|task_type| {
                let wanted = self
                    .task_types
                    .as_ref()
                    .is_none_or(|t| t.contains(task_type));
                wanted && !answering.iter().any(|earlier| earlier.serves(task_type))
            });
            if !model.task_types.is_empty() {
                answering.push(model);
            }
        }
        if answering.is_empty() {
            return Err(InvalidRoute::ServesNothing(names()));
        }
        Ok(answering)
    }
}

impl Router {
    /// Routes tasks by their type.
    ///
    /// # Errors
    ///
    /// [`InvalidRoute`] when there is no route, one has no task type, is for a type that its backend
    /// does not serve, or for one that an earlier route is for.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Result<Self, InvalidRoute> {
        let mut models: Vec<ModelInfo> = Vec::new();
        let mut backends: Vec<Arc<dyn InferenceBackend>> = Vec::new();
        let mut by_type = BTreeMap::new();
        let mut max_batch: Option<NonZeroUsize> = None;
        for route in routes {
            let new = route.models()?;
            for model in &new {
                for task_type in &model.task_types {
                    if let Some(first) = models.iter().find(|first| first.serves(task_type)) {
                        return Err(InvalidRoute::ServedTwice {
                            task_type: task_type.clone(),
                            first: first.identity.to_string(),
                            second: model.identity.to_string(),
                        });
                    }
                    by_type.insert(task_type.clone(), backends.len());
                }
            }
            models.extend(new);
            let of_route = route.backend.max_batch();
            max_batch = Some(max_batch.map_or(of_route, |sum| sum.saturating_add(of_route.get())));
            backends.push(route.backend);
        }
        let max_batch = max_batch.ok_or(InvalidRoute::NoRoute)?;
        Ok(Self {
            backends,
            models,
            by_type,
            max_batch,
        })
    }
}

type Answer = Result<Prediction, InferenceError>;

#[async_trait]
impl InferenceBackend for Router {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// As many as all backends together, since a mixed batch is computed by all of them at once.
    fn max_batch(&self) -> NonZeroUsize {
        self.max_batch
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Answer> {
        let mut parts: Vec<(Vec<usize>, Vec<InferenceInput>)> = Vec::new();
        parts.resize_with(self.backends.len(), Default::default);
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(inputs.len());
        for (place, input) in inputs.into_iter().enumerate() {
            let part = self
                .by_type
                .get(&input.task_type)
                .and_then(|i| parts.get_mut(*i));
            answers.push(match part {
                Some((places, part)) => {
                    places.push(place);
                    part.push(input);
                    None
                }
                None => Some(Err(InferenceError::UnsupportedTaskType(input.task_type))),
            });
        }
        let parts = self.backends.iter().zip(parts);
        let computed = parts
            .filter(|(_, (places, _))| !places.is_empty())
            .map(|(backend, (places, part))| async move { (places, backend.infer(part).await) });
        for (places, part) in join_all(computed).await {
            for (place, answer) in places.into_iter().zip(part) {
                if let Some(kept) = answers.get_mut(place) {
                    *kept = Some(answer);
                }
            }
        }
        let left_out = || Err(InferenceError::failed("the model gave no answer"));
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(left_out))
            .collect()
    }
}
