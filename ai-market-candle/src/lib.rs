//! Text classification for ai-market workers: DistilBERT models, run on the processor with candle.
//! A small English sentiment model can be built in, and any `DistilBertForSequenceClassification`
//! folder or Hugging Face repository can be loaded instead.
//!
//! ```
//! use ai_market_candle::{ClassifierBackend, ClassifierOptions, ModelSource};
//! use ai_market_core::id::TaskType;
//! use ai_market_core::inference::{InferenceBackend, InferenceInput};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // "bundled", a folder, or "org/name" on the hub.
//! let source: ModelSource = "bundled".parse()?;
//! let backend = ClassifierBackend::load(&source, &ClassifierOptions::new(), &mut |_| {})?;
//! let text = InferenceInput::new(TaskType::sentiment(), "What a lovely day!");
//! for answer in backend.infer(vec![text]).await {
//!     let answer = answer?;
//!     println!("{} ({:.2})", answer.label, answer.confidence.get()); // positive (0.99)
//! #   assert_eq!(answer.label.as_str(), "positive");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Main types
//!
//! - [`ModelSource`] says where a model comes from, and [`ClassifierOptions`] how it is run.
//! - [`SequenceClassifier`] is a loaded model: texts in, labels with probabilities out. Clones share
//!   the weights.
//! - [`ClassifierBackend`] runs one as the
//!   [`InferenceBackend`](ai_market_core::inference::InferenceBackend) of a worker.
//! - [`DistilBert`] and [`TextTokenizer`] are its two halves, and [`ModelConfig`] its shape.
//! - [`quantize`] makes 8-bit model folders.
//! - [`LoadError`] says why a model cannot be loaded.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `bundled` | [`ModelSource::Bundled`]: an English sentiment model, 10 MB in the program |
//! | `hub` | [`ModelSource::Hub`]: downloading from the Hugging Face hub, and its cache |
//!
//! None is on by default. Without one, its source can be named and fails to load with an error that
//! names the feature.

mod backend;
mod classifier;
mod config;
mod distilbert;
mod error;
mod options;
pub mod quantize;
mod source;
mod tokenizer;
mod weights;

pub use backend::ClassifierBackend;
pub use classifier::{Classification, SequenceClassifier};
pub use config::{Activation, ConfigError, ModelConfig};
pub use distilbert::{DistilBert, ForwardError};
pub use error::LoadError;
pub use options::ClassifierOptions;
#[cfg(feature = "hub")]
pub use source::{HubError, HubOptions};
pub use source::{InvalidSource, LoadEvent, ModelFiles, ModelSource, TokenizerFile};
pub use tokenizer::{TextTokenizer, TokenizerError, Tokens};
pub use weights::{Precision, WeightsError};
