use std::collections::HashMap;

use serde_json::{Value, json};

use super::TokenizerError;
use super::error::unreadable;
use super::settings::{Settings, special};

/// The `tokenizer.json` of BERT's word pieces over a `vocab.txt` with one token per line.
pub(super) fn word_piece(vocabulary: &[u8], settings: &Settings) -> Result<Value, TokenizerError> {
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
