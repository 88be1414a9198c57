use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ai_market_core::inference::InferenceError;
use tokenizers::{Decoder, Encoding, PostProcessor, Tokenizer, TruncationParams};

use super::TokenizerError;
use super::error::unreadable;
use super::settings::{Settings, special};
use super::word_piece::word_piece;

/// Makes token ids of texts, cut to what the model reads.
#[derive(Clone)]
pub struct TextTokenizer {
    inner: Tokenizer,
    max_tokens: usize,
    vocab_size: usize,
    /// The id of the token that stands for what the vocabulary lacks.
    unknown: Option<u32>,
}

/// The token ids of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The ids, special ones included; at least one, each known to the model.
    pub ids: Vec<u32>,
    /// Where each token stands in the text; empty unless asked for.
    pub places: Vec<Place>,
    /// Whether the end of the text was cut off.
    pub truncated: bool,
}

/// Where a token stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Its first character, in Unicode scalar values of the text as it was given.
    pub start: usize,
    /// The character after its last one.
    pub end: usize,
    /// Whether the tokenizer added it, as it does `[CLS]` and `[SEP]`; it stands for no part of the
    /// text then.
    pub special: bool,
}

/// The files of a tokenizer, as bytes.
#[derive(Clone, Copy)]
pub(crate) enum TokenizerData<'a> {
    Json(&'a [u8]),
    Vocabulary(&'a [u8]),
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
        let unknown = inner.token_to_id(special(&settings.unk_token, "[UNK]"));
        Self {
            inner,
            max_tokens,
            vocab_size,
            unknown,
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

    /// Makes tokens of `text`, without their places.
    ///
    /// # Errors
    ///
    /// [`InferenceError::UnreadableInput`] when the text gives no token, or one that the model does
    /// not know.
    pub fn encode(&self, text: &str) -> Result<Tokens, InferenceError> {
        let encoding = self.encoding(|| self.inner.encode_fast(text, true))?;
        self.tokens(&encoding, Vec::new())
    }

    /// Makes tokens of `text` with their places.
    ///
    /// # Errors
    ///
    /// As for [`encode`](Self::encode).
    pub fn encode_with_places(&self, text: &str) -> Result<Tokens, InferenceError> {
        let encoding = self.encoding(|| self.inner.encode_char_offsets(text, true))?;
        let places = encoding
            .get_offsets()
            .iter()
            .zip(encoding.get_special_tokens_mask())
            .map(|((start, end), special)| Place {
                start: *start,
                end: *end,
                special: *special != 0,
            });
        self.tokens(&encoding, places.collect())
    }

    fn encoding(
        &self,
        encode: impl FnOnce() -> tokenizers::Result<Encoding>,
    ) -> Result<Encoding, InferenceError> {
        // A tokenizer file can hold rules that its interpreter did not foresee.
        match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(Ok(encoding)) => Ok(encoding),
            Ok(Err(error)) => refused(format!("the tokenizer refused it: {error}")),
            Err(_) => refused("the tokenizer panicked".to_owned()),
        }
    }

    fn tokens(&self, encoding: &Encoding, places: Vec<Place>) -> Result<Tokens, InferenceError> {
        let ids = encoding.get_ids().to_vec();
        if ids.is_empty() {
            return refused("it has no tokens".to_owned());
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocab_size) {
            let known = self.vocab_size;
            return refused(format!("the token id {id} is beyond the model's {known}"));
        }
        if ids.len() > self.max_tokens {
            let (found, max) = (ids.len(), self.max_tokens);
            return refused(format!(
                "the tokenizer made {found} tokens of it, not {max}"
            ));
        }
        Ok(Tokens {
            ids,
            places,
            truncated: !encoding.get_overflowing().is_empty(),
        })
    }

    /// Puts some tokens of `text` together, as a person would read them: word pieces without their
    /// marks, and what the vocabulary lacks as it stands in the text.
    pub(crate) fn word(
        &self,
        text: &str,
        tokens: &[(u32, Place)],
    ) -> Result<String, InferenceError> {
        let parts: Option<Vec<String>> = tokens
            .iter()
            .map(|(id, place)| {
                if Some(*id) == self.unknown {
                    let length = place.end.saturating_sub(place.start);
                    Some(text.chars().skip(place.start).take(length).collect())
                } else {
                    self.inner.id_to_token(*id)
                }
            })
            .collect();
        let parts = parts.ok_or_else(|| InferenceError::failed("a token has no text"))?;
        let Some(decoder) = self.inner.get_decoder() else {
            return Ok(parts.join(" "));
        };
        match catch_unwind(AssertUnwindSafe(|| decoder.decode(parts))) {
            Ok(word) => word.map_err(InferenceError::failed),
            Err(_) => Err(InferenceError::failed("the tokenizer's decoder panicked")),
        }
    }
}

fn refused<T>(reason: String) -> Result<T, InferenceError> {
    Err(InferenceError::UnreadableInput(reason))
}

fn parse(file: &'static str, json: &[u8]) -> Result<Tokenizer, TokenizerError> {
    // The parser trusts some numbers of the file and can panic on a damaged one.
    match catch_unwind(|| Tokenizer::from_bytes(json)) {
        Ok(Ok(tokenizer)) => Ok(tokenizer),
        Ok(Err(error)) => Err(unreadable(file)(error)),
        Err(_) => Err(unreadable(file)("the tokenizer's parser panicked")),
    }
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
    use serde_json::{Value, json};

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
