//! What workers answer.

mod model;
mod scores;
mod span;
mod spans;
mod vote;

pub use model::{InvalidModel, ModelIdentity};
pub use scores::{InvalidScores, Scores};
pub use span::{InvalidSpan, Span};
pub use spans::{InvalidSpans, Spans};
pub use vote::{Submission, Vote};
