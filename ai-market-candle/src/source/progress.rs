use std::fmt;

/// What happens while a model is loaded: first its files are fetched, of which only the hub tells, and
/// then it is made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadEvent<'a> {
    /// A download begins.
    Started {
        /// The file.
        file: &'a str,
        /// Its size in bytes.
        bytes: u64,
    },
    /// More of the file that began last has come, or stood in the cache since an earlier try.
    Received {
        /// Bytes since the last event.
        bytes: u64,
    },
    /// The file that began last is there.
    Finished {
        /// The file.
        file: &'a str,
    },
    /// A part of the model is being made of its file.
    Loading {
        /// The part.
        part: ModelPart,
        /// The size of its file in bytes.
        bytes: u64,
    },
}

/// A part of a model, in the order in which they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelPart {
    /// Its shape and its labels.
    Config,
    /// What makes tokens of texts.
    Tokenizer,
    /// The network.
    Weights,
}

impl fmt::Display for ModelPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Tokenizer => "tokenizer",
            Self::Weights => "weights",
        })
    }
}
