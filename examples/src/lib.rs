//! What more than one of the example programs needs: logging, stopping, loading models with a
//! progress bar, and the sample sentences.

mod choices;
mod finish;
mod guessing;
mod logging;
mod model;
mod process_metrics;
mod sample;

pub use choices::{ModelChoices, ModelPlan};
pub use finish::{Failure, finish, stop_on_signal};
pub use guessing::Guessing;
pub use logging::start_logging;
pub use model::{ComputeOptions, ModelOptions, load_model};
pub use process_metrics::process_metrics;
pub use sample::{Sentence, sample, sentences_of};
