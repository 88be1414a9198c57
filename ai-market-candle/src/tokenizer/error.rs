use std::error::Error;

/// Why a tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file is damaged or of a kind that is not known.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The vocabulary lacks a token that every text needs.
    #[error("vocab.txt has no token {token:?}")]
    MissingToken {
        /// The token.
        token: String,
    },
    /// The limit leaves no room for the text.
    #[error(
        "at most {max} tokens are read, of which {special} are special: there is no room for text"
    )]
    NoRoom {
        /// The most tokens that are read.
        max: usize,
        /// The tokens added to every text.
        special: usize,
    },
}

/// Makes an error of the reason why `file` cannot be read.
pub(super) fn unreadable<E: Into<Box<dyn Error + Send + Sync>>>(
    file: &'static str,
) -> impl FnOnce(E) -> TokenizerError {
    move |error| TokenizerError::Unreadable {
        file,
        source: error.into(),
    }
}
