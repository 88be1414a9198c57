//! Text classification and named entity recognition for ai-market workers: DistilBERT models, run on
//! the processor with candle. A small English sentiment model can be built in, and any
//! `DistilBertForSequenceClassification` or `DistilBertForTokenClassification` folder or Hugging Face
//! repository can be loaded instead.
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
//! - [`TokenClassifier`] finds entities instead: texts in, parts of them with their types out.
//!   [`Model`] is either, whichever a folder holds.
//! - [`ModelBackend`] runs a model as the
//!   [`InferenceBackend`](ai_market_core::inference::InferenceBackend) of a worker;
//!   [`ClassifierBackend`] and [`TokenClassifierBackend`] are the same for one kind only.
//! - [`DistilBert`] and [`TextTokenizer`] are the two halves of a model, and [`ModelConfig`] its shape.
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
mod engine;
mod entities;
mod error;
mod model;
mod options;
pub mod quantize;
mod softmax;
mod source;
mod text_model;
mod token_classifier;
mod tokenizer;
mod weights;

pub use backend::{Backend, ClassifierBackend, ModelBackend, TokenClassifierBackend};
pub use classifier::{Classification, SequenceClassifier};
pub use config::{Activation, ConfigError, Head, ModelConfig};
pub use distilbert::{DistilBert, ForwardError};
pub use error::LoadError;
pub use model::Model;
pub use options::ClassifierOptions;
#[cfg(feature = "hub")]
pub use source::{HubError, HubOptions};
pub use source::{InvalidSource, LoadEvent, ModelFiles, ModelPart, ModelSource, TokenizerFile};
pub use text_model::TextModel;
pub use token_classifier::{Entity, TokenClassification, TokenClassifier};
pub use tokenizer::{Place, TextTokenizer, TokenizerError, Tokens};
pub use weights::{Precision, WeightsError};
