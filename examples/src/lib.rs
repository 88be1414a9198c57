//! What more than one of the example programs needs: logging, what is drawn below the logs,
//! stopping, loading models, and the sample sentences.

mod choices;
mod finish;
mod guessing;
mod logging;
mod metrics;
mod model;
mod process_metrics;
mod sample;
mod screen;
mod status;
#[cfg(feature = "opentelemetry")]
mod telemetry;
mod view;

pub use choices::{ModelChoices, ModelPlan};
pub use finish::{Failure, finish, stop_on_signal};
pub use guessing::Guessing;
pub use logging::{LogFormat, LogOptions, Logs, adopt_traceparent, traceparent};
pub use metrics::{Handover, MetricsServer, metrics_address};
pub use model::{ComputeOptions, ModelOptions, load_model};
pub use process_metrics::process_metrics;
pub use sample::{Sentence, sample, sentences_of};
pub use screen::{Screen, StatusLine};
pub use status::{Record, Speed, Status};
pub use view::View;
