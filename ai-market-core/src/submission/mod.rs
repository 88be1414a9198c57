//! What workers answer.

mod model;
mod scores;
mod vote;

pub use model::{InvalidModel, ModelIdentity};
pub use scores::{InvalidScores, Scores};
pub use vote::{Submission, Vote};
