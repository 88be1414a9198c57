use serde::Deserialize;

/// What is read of a `tokenizer_config.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) model_max_length: Option<f64>,
    pub(super) do_lower_case: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) tokenize_chinese_chars: Option<bool>,
    pub(super) unk_token: Option<Special>,
    pub(super) sep_token: Option<Special>,
    pub(super) pad_token: Option<Special>,
    pub(super) cls_token: Option<Special>,
    pub(super) mask_token: Option<Special>,
}

/// A special token, as text or as an object.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Special {
    Text(String),
    Object { content: String },
}

pub(super) fn special<'a>(token: &'a Option<Special>, default: &'a str) -> &'a str {
    match token {
        None => default,
        Some(Special::Text(text) | Special::Object { content: text }) => text,
    }
}
