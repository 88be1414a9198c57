//! What more than one of the example programs needs: logging, stopping, loading a model with a
//! progress bar, and the sample sentences.

mod finish;
mod guessing;
mod logging;
mod model;
mod sample;

pub use finish::{Failure, finish, stop_on_signal};
pub use guessing::Guessing;
pub use logging::start_logging;
pub use model::{ModelOptions, load_classifier};
pub use sample::{Sentence, sample, sentences_of};
