use std::num::NonZeroUsize;
use std::time::Instant;

use ai_market_candle::{ClassifierOptions, LoadError, LoadEvent, ModelSource, TextModel};
use ai_market_core::id::Label;
use clap::Args;
use indicatif::{HumanBytes, ProgressBar};

use crate::Screen;

/// Which model to run, and how.
#[derive(Debug, Clone, Args)]
pub struct ModelOptions {
    /// The model: `bundled`, a folder, or a Hugging Face repository such as
    /// distilbert/distilbert-base-uncased-finetuned-sst-2-english
    #[arg(
        long,
        env = "AI_MARKET_MODEL",
        default_value = "bundled",
        value_name = "MODEL"
    )]
    pub model: ModelSource,

    /// How to run it.
    #[command(flatten)]
    pub compute: ComputeOptions,
}

/// How to run models; options of more than one program.
#[derive(Debug, Clone, Args)]
pub struct ComputeOptions {
    /// Reads at most so many tokens of a text; by default as many as the model can
    #[arg(long, env = "AI_MARKET_MAX_TOKENS", value_name = "N")]
    pub max_tokens: Option<NonZeroUsize>,

    /// Computes each model on so many threads; by default on one per core
    #[arg(long, env = "AI_MARKET_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

impl ComputeOptions {
    /// The same for a model to be loaded.
    #[must_use]
    pub fn classifier(&self) -> ClassifierOptions {
        let mut classifier = ClassifierOptions::new();
        if let Some(max_tokens) = self.max_tokens {
            classifier = classifier.with_max_tokens(max_tokens);
        }
        if let Some(threads) = self.threads {
            classifier = classifier.with_threads(threads);
        }
        classifier
    }
}

/// Loads a model off the async threads, and draws how far that is where there is a terminal.
///
/// # Errors
///
/// [`LoadError`] says what is wrong with the model.
pub async fn load_model<M: TextModel>(
    source: ModelSource,
    options: ClassifierOptions,
    screen: Screen,
) -> Result<M, LoadError> {
    let load = move || {
        let start = Instant::now();
        let line = screen.line();
        line.show(format!("loading {source}"));
        let mut bar = ProgressBar::hidden();
        let model = M::load(&source, &options, &mut |event| match event {
            LoadEvent::Started { file, bytes } => bar = screen.download(file, bytes),
            LoadEvent::Received { bytes } => bar.inc(bytes),
            LoadEvent::Finished { .. } => bar.finish(),
            LoadEvent::Loading { part, bytes } => {
                let bytes = HumanBytes(bytes);
                line.show(format!("loading {source}: {part}, {bytes}"));
            }
            _ => {}
        })?;
        drop(line);
        let info = model.info();
        let labels: Vec<_> = info.labels.iter().map(Label::as_str).collect();
        tracing::info!(
            model = %info.identity,
            labels = labels.join(", "),
            "loaded in {:.1} s",
            start.elapsed().as_secs_f64()
        );
        Ok(model)
    };
    match tokio::task::spawn_blocking(load).await {
        Ok(loaded) => loaded,
        Err(panic) => Err(LoadError::Threads(panic.into())),
    }
}
