use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use super::{InferenceError, InferenceInput, ModelInfo, Prediction};

/// A model that answers texts.
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
    /// What the model is and which task types it serves.
    fn model(&self) -> &ModelInfo;

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
            fn model(&self) -> &ModelInfo {
                (**self).model()
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
