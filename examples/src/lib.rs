//! What more than one of the example programs needs: logging, stopping, loading models with a
//! progress bar, and the sample sentences.

mod choices;
mod finish;
mod guessing;
mod logging;
mod model;
mod sample;

pub use choices::{ModelChoices, ModelPlan};
pub use finish::{Failure, finish, stop_on_signal};
pub use guessing::Guessing;
pub use logging::start_logging;
pub use model::{ComputeOptions, ModelOptions, load_model};
pub use sample::{Sentence, sample, sentences_of};
