use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::LoadError;
use crate::tokenizer::TokenizerData;

/// The bytes of a model's files, wherever they came from.
#[derive(Clone)]
#[non_exhaustive]
pub struct ModelFiles {
    /// The model's id.
    pub id: String,
    /// Its revision; a hash of the weights stands in where it is not known.
    pub revision: Option<String>,
    /// `config.json`
    pub config: Cow<'static, [u8]>,
    /// `model.safetensors`
    pub weights: Cow<'static, [u8]>,
    /// The vocabulary and its rules.
    pub tokenizer: TokenizerFile,
    /// `tokenizer_config.json`
    pub tokenizer_config: Option<Cow<'static, [u8]>>,
}

/// One of the two files that a tokenizer can be read from.
#[derive(Clone)]
#[non_exhaustive]
pub enum TokenizerFile {
    /// `tokenizer.json`
    Json(Cow<'static, [u8]>),
    /// `vocab.txt`, read as BERT's word pieces; what else they need stands in
    /// `tokenizer_config.json`.
    Vocabulary(Cow<'static, [u8]>),
}

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const VOCABULARY: &str = "vocab.txt";
pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

impl ModelFiles {
    /// A model of these files, named `id`.
    pub fn new(
        id: impl Into<String>,
        config: impl Into<Cow<'static, [u8]>>,
        weights: impl Into<Cow<'static, [u8]>>,
        tokenizer: TokenizerFile,
    ) -> Self {
        Self {
            id: id.into(),
            revision: None,
            config: config.into(),
            weights: weights.into(),
            tokenizer,
            tokenizer_config: None,
        }
    }

    /// Adds the `tokenizer_config.json`.
    #[must_use]
    pub fn with_tokenizer_config(mut self, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        self.tokenizer_config = Some(bytes.into());
        self
    }

    /// Says which revision it is.
    #[must_use]
    pub fn with_revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// Reads a Hugging Face model folder, which gives the model its name.
    ///
    /// `config.json`, `model.safetensors` and one of `tokenizer.json` (preferred) and `vocab.txt`
    /// must be there; `tokenizer_config.json` is read where it is.
    ///
    /// # Errors
    ///
    /// [`LoadError::MissingFile`] and [`LoadError::Read`].
    pub fn from_folder(folder: &Path) -> Result<Self, LoadError> {
        // Only the last part of the path: the rest is nobody's business but this machine's.
        let whole = folder.canonicalize().ok();
        let name = whole.as_deref().unwrap_or(folder).file_name();
        let id = name.map_or_else(
            || "model".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let need = |file: &'static str| {
            let missing = || LoadError::MissingFile {
                folder: folder.to_owned(),
                file,
            };
            read(folder, file)?.ok_or_else(missing)
        };
        let config = need(CONFIG)?;
        let tokenizer = match (read(folder, TOKENIZER)?, read(folder, VOCABULARY)?) {
            (Some(json), _) => TokenizerFile::Json(json.into()),
            (None, Some(vocabulary)) => TokenizerFile::Vocabulary(vocabulary.into()),
            (None, None) => {
                let file = "tokenizer.json or vocab.txt";
                return Err(LoadError::MissingFile {
                    folder: folder.to_owned(),
                    file,
                });
            }
        };
        let mut files = Self::new(id, config, need(WEIGHTS)?, tokenizer);
        files.tokenizer_config = read(folder, TOKENIZER_CONFIG)?.map(Cow::from);
        Ok(files)
    }

    /// The revision, or the first 12 hexadecimal digits of the SHA-256 of the weights.
    pub(crate) fn revision_or_hash(&self) -> String {
        self.revision.clone().unwrap_or_else(|| {
            Sha256::digest(&self.weights)
                .iter()
                .take(6)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
    }
}

impl TokenizerFile {
    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::Vocabulary(bytes) => bytes.len(),
        }
    }

    pub(crate) fn data(&self) -> TokenizerData<'_> {
        match self {
            Self::Json(bytes) => TokenizerData::Json(bytes),
            Self::Vocabulary(bytes) => TokenizerData::Vocabulary(bytes),
        }
    }
}

fn read(folder: &Path, file: &str) -> Result<Option<Vec<u8>>, LoadError> {
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LoadError::Read { path, source }),
    }
}

/// Says what it is, without the bytes.
impl fmt::Debug for ModelFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFiles")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("weights_bytes", &self.weights.len())
            .field("tokenizer", &self.tokenizer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenizerFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json(_) => TOKENIZER,
            Self::Vocabulary(_) => VOCABULARY,
        })
    }
}
