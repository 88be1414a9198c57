//! Tokens of texts: Hugging Face's `tokenizer.json`, or BERT's word pieces from a `vocab.txt`.

mod error;
mod settings;
mod text_tokenizer;
mod word_piece;

pub use error::TokenizerError;
pub(crate) use text_tokenizer::TokenizerData;
pub use text_tokenizer::{Place, TextTokenizer, Tokens};
