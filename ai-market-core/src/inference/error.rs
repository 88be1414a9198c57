use std::error::Error;

/// Why one input was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The model does not serve this type of task.
    #[error("the model does not serve tasks of type {0}")]
    UnsupportedTaskType(crate::id::TaskType),
    /// The model cannot read this input, whoever runs it.
    #[error("the input cannot be read: {0}")]
    UnreadableInput(String),
    /// The answer is longer than a label may be, so it cannot be handed in.
    #[error("the answer has {bytes} bytes; at most {max} are taken")]
    AnswerTooLong {
        /// Its bytes of UTF-8.
        bytes: usize,
        /// The most bytes that a label may have.
        max: usize,
    },
    /// The model failed on this input.
    #[error("the model failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The model has stopped and answers nothing any more.
    #[error("the model has stopped")]
    Stopped,
}

impl InferenceError {
    /// A failure of the model with its cause.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
