use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ai_market_core::inference::InferenceError;
use serde::Deserialize;
use serde_json::{Value, json};
use tokenizers::{PostProcessor, Tokenizer, TruncationParams};

/// Makes token ids of texts, cut to what the model reads.
#[derive(Clone)]
pub struct TextTokenizer {
    inner: Tokenizer,
    max_tokens: usize,
    vocab_size: usize,
}

/// The token ids of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The ids, special ones included; at least one, each known to the model.
    pub ids: Vec<u32>,
    /// Whether the end of the text was cut off.
    pub truncated: bool,
}

/// The files of a tokenizer, as bytes.
#[derive(Clone, Copy)]
pub(crate) enum TokenizerData<'a> {
    Json(&'a [u8]),
    Vocabulary(&'a [u8]),
}

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

/// What is read of a `tokenizer_config.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    model_max_length: Option<f64>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    unk_token: Option<Special>,
    sep_token: Option<Special>,
    pad_token: Option<Special>,
    cls_token: Option<Special>,
    mask_token: Option<Special>,
}

/// A special token, as text or as an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Special {
    Text(String),
    Object { content: String },
}

fn special<'a>(token: &'a Option<Special>, default: &'a str) -> &'a str {
    match token {
        None => default,
        Some(Special::Text(text) | Special::Object { content: text }) => text,
    }
}

impl TextTokenizer {
    /// Reads a tokenizer for a model of `positions` positions and `vocab_size` tokens, which shall
    /// cut texts to `limit` tokens.
    pub(crate) fn load(
        data: TokenizerData<'_>,
        settings: Option<&[u8]>,
        positions: usize,
        vocab_size: usize,
        limit: Option<usize>,
    ) -> Result<Self, TokenizerError> {
        let settings = match settings {
            None => Settings::default(),
            Some(bytes) => {
                serde_json::from_slice(bytes).map_err(unreadable("tokenizer_config.json"))?
            }
        };
        let inner = match data {
            TokenizerData::Json(bytes) => parse("tokenizer.json", bytes)?,
            TokenizerData::Vocabulary(bytes) => parse(
                "vocab.txt",
                word_piece(bytes, &settings)?.to_string().as_bytes(),
            )?,
        };
        // Not a number and below 1 become 0 here, and are refused below; "no limit" is 1e30.
        let own = settings
            .model_max_length
            .map_or(usize::MAX, |length| length as usize);
        let max_tokens = positions.min(own).min(limit.unwrap_or(usize::MAX));
        Self {
            inner,
            max_tokens,
            vocab_size,
        }
        .limited()
    }

    /// Replaces whatever padding and truncation the file asks for.
    fn limited(mut self) -> Result<Self, TokenizerError> {
        let special = self
            .inner
            .get_post_processor()
            .map_or(0, |processor| processor.added_tokens(false));
        if self.max_tokens <= special {
            return Err(TokenizerError::NoRoom {
                max: self.max_tokens,
                special,
            });
        }
        let cut = TruncationParams {
            max_length: self.max_tokens,
            ..TruncationParams::default()
        };
        self.inner.with_padding(None);
        self.inner
            .with_truncation(Some(cut))
            .map_err(|source| TokenizerError::Unreadable {
                file: "tokenizer.json",
                source,
            })?;
        Ok(self)
    }

    /// The most tokens that a text can have, special ones included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Makes tokens of `text`.
    ///
    /// # Errors
    ///
    /// [`InferenceError::UnreadableInput`] when the text gives no token, or one that the model does
    /// not know.
    pub fn encode(&self, text: &str) -> Result<Tokens, InferenceError> {
        let unreadable = |reason: String| Err(InferenceError::UnreadableInput(reason));
        // A tokenizer file can hold rules that its interpreter did not foresee.
        let encoding = match catch_unwind(AssertUnwindSafe(|| self.inner.encode_fast(text, true))) {
            Ok(Ok(encoding)) => encoding,
            Ok(Err(error)) => return unreadable(format!("the tokenizer refused it: {error}")),
            Err(_) => return unreadable("the tokenizer panicked".to_owned()),
        };
        let ids = encoding.get_ids().to_vec();
        if ids.is_empty() {
            return unreadable("it has no tokens".to_owned());
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocab_size) {
            let known = self.vocab_size;
            return unreadable(format!("the token id {id} is beyond the model's {known}"));
        }
        if ids.len() > self.max_tokens {
            let (found, max) = (ids.len(), self.max_tokens);
            return unreadable(format!(
                "the tokenizer made {found} tokens of it, not {max}"
            ));
        }
        Ok(Tokens {
            ids,
            truncated: !encoding.get_overflowing().is_empty(),
        })
    }
}

fn unreadable<E: Into<Box<dyn Error + Send + Sync>>>(
    file: &'static str,
) -> impl FnOnce(E) -> TokenizerError {
    move |error| TokenizerError::Unreadable {
        file,
        source: error.into(),
    }
}

fn parse(file: &'static str, json: &[u8]) -> Result<Tokenizer, TokenizerError> {
    // The parser trusts some numbers of the file and can panic on a damaged one.
    match catch_unwind(|| Tokenizer::from_bytes(json)) {
        Ok(Ok(tokenizer)) => Ok(tokenizer),
        Ok(Err(error)) => Err(unreadable(file)(error)),
        Err(_) => Err(unreadable(file)("the tokenizer's parser panicked")),
    }
}

/// The `tokenizer.json` of BERT's word pieces over a `vocab.txt` with one token per line.
fn word_piece(vocabulary: &[u8], settings: &Settings) -> Result<Value, TokenizerError> {
    let text = std::str::from_utf8(vocabulary).map_err(unreadable("vocab.txt"))?;
    // Only line feeds end a line: the vocabulary itself holds other separators.
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let vocab: HashMap<&str, usize> = lines
        .enumerate()
        .map(|(id, line)| (line.strip_suffix('\r').unwrap_or(line), id))
        .collect();
    let id = |token: &str| {
        let missing = || TokenizerError::MissingToken {
            token: token.to_owned(),
        };
        vocab.get(token).copied().ok_or_else(missing)
    };
    let unknown = special(&settings.unk_token, "[UNK]");
    let (cls, sep) = (
        special(&settings.cls_token, "[CLS]"),
        special(&settings.sep_token, "[SEP]"),
    );
    id(unknown)?;
    let (cls_id, sep_id) = (id(cls)?, id(sep)?);
    let optional = [
        special(&settings.pad_token, "[PAD]"),
        special(&settings.mask_token, "[MASK]"),
    ];
    let mut added: Vec<(usize, &str)> = [unknown, cls, sep]
        .into_iter()
        .chain(optional)
        .filter_map(|token| Some((*vocab.get(token)?, token)))
        .collect();
    added.sort_unstable();
    added.dedup();
    let added: Vec<Value> = added
        .iter()
        .map(|(id, content)| {
            json!({
                "id": id, "content": content, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        })
        .collect();
    let piece = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": settings.tokenize_chinese_chars.unwrap_or(true),
            "strip_accents": settings.strip_accents,
            "lowercase": settings.do_lower_case.unwrap_or(true),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece(cls), sequence("A"), piece(sep)],
            "pair": [piece(cls), sequence("A"), piece(sep), sequence("B"), piece(sep)],
            "special_tokens": {
                cls: {"id": cls, "ids": [cls_id], "tokens": [cls]},
                sep: {"id": sep, "ids": [sep_id], "tokens": [sep]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }))
}

impl fmt::Debug for TextTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextTokenizer")
            .field("max_tokens", &self.max_tokens)
            .field("vocab_size", &self.vocab_size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ngood\nbad\n##ly\né\n";

    fn load(
        settings: Value,
        positions: usize,
        vocab_size: usize,
        limit: Option<usize>,
    ) -> Result<TextTokenizer, TokenizerError> {
        let data = TokenizerData::Vocabulary(VOCABULARY.as_bytes());
        let settings = settings.to_string();
        TextTokenizer::load(
            data,
            Some(settings.as_bytes()),
            positions,
            vocab_size,
            limit,
        )
    }

    fn ids(tokenizer: &TextTokenizer, text: &str) -> Vec<u32> {
        tokenizer.encode(text).unwrap().ids
    }

    #[test]
    fn a_vocabulary_makes_word_pieces() {
        let lower = load(json!({}), 16, 8, None).unwrap();
        assert_eq!(ids(&lower, "Badly good, [SEP]"), [2, 5, 6, 4, 1, 3, 3]);
        assert_eq!(ids(&lower, ""), [2, 3]);
        assert_eq!(ids(&lower, "é"), [2, 1, 3]);
        let cased = load(
            json!({"do_lower_case": false, "strip_accents": false}),
            16,
            8,
            None,
        );
        let cased = cased.unwrap();
        assert_eq!(ids(&cased, "Good good é"), [2, 1, 4, 7, 3]);
    }

    #[test]
    fn the_smallest_limit_cuts() {
        for (settings, positions, limit) in [
            (json!({}), 4, None),
            (json!({"model_max_length": 4}), 16, Some(5)),
            (json!({"model_max_length": 1e30}), 16, Some(4)),
        ] {
            let tokenizer = load(settings, positions, 8, limit).unwrap();
            assert_eq!(tokenizer.max_tokens(), 4);
            let exact = tokenizer.encode("good bad").unwrap();
            assert_eq!(
                (exact.ids.as_slice(), exact.truncated),
                (&[2, 4, 5, 3][..], false)
            );
            let cut = tokenizer.encode("good bad good good good").unwrap();
            assert_eq!(
                (cut.ids.as_slice(), cut.truncated),
                (&[2, 4, 5, 3][..], true)
            );
        }
    }

    #[test]
    fn limits_without_room_and_broken_vocabularies_are_refused() {
        for max in [0, 1, 2] {
            let error = load(json!({}), 16, 8, Some(max)).unwrap_err();
            assert!(
                matches!(error, TokenizerError::NoRoom { special: 2, .. }),
                "{error}"
            );
        }
        assert!(matches!(
            load(json!({"model_max_length": -3}), 16, 8, None),
            Err(TokenizerError::NoRoom { max: 0, .. })
        ));
        for vocabulary in [&b""[..], b"[UNK]\n[CLS]", b"\xff\xfe"] {
            let data = TokenizerData::Vocabulary(vocabulary);
            assert!(TextTokenizer::load(data, None, 16, 8, None).is_err());
        }
    }

    #[test]
    fn ids_that_the_model_does_not_know_are_unreadable() {
        let tokenizer = load(json!({}), 16, 6, None).unwrap();
        assert!(tokenizer.encode("bad").is_ok());
        let error = tokenizer.encode("badly").unwrap_err();
        assert!(
            matches!(error, InferenceError::UnreadableInput(_)),
            "{error}"
        );
    }
}
