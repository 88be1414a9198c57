use std::collections::BTreeSet;
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::TaskType;

use super::{InferenceError, InferenceInput, ModelInfo, Prediction};

/// A model that answers texts, or several, each for its own task types.
///
/// An implementation must
/// - return exactly one result per input, in the order of the inputs;
/// - fail only the inputs that cannot be answered, never the whole batch for one of them;
/// - compute on threads of its own: the futures run on the worker's async threads and must not
///   block them ([`BlockingBackend`](super::BlockingBackend) does that for a synchronous model);
/// - accept any number of inputs, even more than [`max_batch`](Self::max_batch) or none.
///
/// # Cancel safety
///
/// Dropping the future of [`infer`](Self::infer) abandons the answers. An implementation may finish
/// computing what it had begun, and must stay usable.
#[async_trait]
pub trait InferenceBackend: Debug + Send + Sync + 'static {
    /// Each model behind it, with the task types that it serves: at least one, and always the same.
    /// Where several serve a type, the first of them answers it.
    fn models(&self) -> &[ModelInfo];

    /// The most inputs worth giving at once: more bring no further speed.
    fn max_batch(&self) -> NonZeroUsize;

    /// Answers each input.
    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<B: InferenceBackend + ?Sized> InferenceBackend for $pointer<B> {
            fn models(&self) -> &[ModelInfo] {
                (**self).models()
            }

            fn max_batch(&self) -> NonZeroUsize {
                (**self).max_batch()
            }

            async fn infer(
                &self,
                inputs: Vec<InferenceInput>,
            ) -> Vec<Result<Prediction, InferenceError>> {
                (**self).infer(inputs).await
            }
        }
    )*};
}

forward!(Arc, Box);

/// What every [`InferenceBackend`] can be asked besides.
pub trait InferenceBackendExt: InferenceBackend {
    /// The model that answers tasks of `task_type`.
    fn model_for(&self, task_type: &TaskType) -> Option<&ModelInfo> {
        self.models().iter().find(|model| model.serves(task_type))
    }

    /// Every task type that is served.
    fn task_types(&self) -> BTreeSet<TaskType> {
        let served = self.models().iter().flat_map(|model| &model.task_types);
        served.cloned().collect()
    }
}

impl<B: InferenceBackend + ?Sized> InferenceBackendExt for B {}
