use super::files::{ModelFiles, TokenizerFile};

macro_rules! embed {
    ($file:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/models/sentiment/",
            $file
        ))
        .as_slice()
    };
}

/// The id of the bundled model; the hash of its weights is its revision.
const ID: &str = "ai-market/sentiment";

/// The sentiment model in this program.
pub(super) fn files() -> ModelFiles {
    let tokenizer = TokenizerFile::Json(embed!("tokenizer.json").into());
    ModelFiles::new(
        ID,
        embed!("config.json"),
        embed!("model.safetensors"),
        tokenizer,
    )
    .with_tokenizer_config(embed!("tokenizer_config.json"))
}
