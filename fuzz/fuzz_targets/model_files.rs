//! A whole model: it loads and answers, or is refused.
//!
//! The input is `config.json`, the tokenizer, `tokenizer_config.json` and the weights, with a line
//! `%%%` between two; an empty part is the fixture's. The tokenizer is `tokenizer.json` where it
//! begins with `{`, and `vocab.txt` where it does not.
//!
//! The tokenizer's interpreter can panic on a damaged file, which the crate catches and answers
//! with an error. libFuzzer's hook would end the process before that, so another one takes its
//! place: it keeps what was said, and only a panic that nobody catches is a crash.

#![no_main]

use std::backtrace::Backtrace;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use ai_market_candle::{ClassifierOptions, ModelFiles, SequenceClassifier, TokenizerFile};
use libfuzzer_sys::fuzz_target;

const CONFIG: &[u8] = include_bytes!("../../ai-market-candle/tests/fixtures/one-layer/config.json");
const WEIGHTS: &[u8] =
    include_bytes!("../../ai-market-candle/tests/fixtures/one-layer/model.safetensors");
const VOCABULARY: &[u8] =
    include_bytes!("../../ai-market-candle/tests/fixtures/one-layer/vocab.txt");

/// The part up to the next `%%%`, or all that is left.
fn next<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    const BETWEEN: &[u8] = b"\n%%%\n";
    let end = rest.windows(BETWEEN.len()).position(|part| part == BETWEEN);
    let (part, after) = match end {
        Some(end) => (&rest[..end], &rest[end + BETWEEN.len()..]),
        None => (*rest, &[][..]),
    };
    *rest = after;
    part
}

/// What the last panic said and where it was; its text is made only when it is told.
static LAST_PANIC: Mutex<Option<(String, Backtrace)>> = Mutex::new(None);

fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().unwrap() = Some((panic.to_string(), Backtrace::capture()));
    }));
}

fn or(part: &[u8], usual: &'static [u8]) -> Vec<u8> {
    if part.is_empty() { usual } else { part }.to_vec()
}

fn load_and_ask(data: &[u8]) {
    let mut rest = data;
    let config = or(next(&mut rest), CONFIG);
    let tokenizer = or(next(&mut rest), VOCABULARY);
    let tokenizer_config = next(&mut rest);
    let weights = or(rest, WEIGHTS);
    let tokenizer = if tokenizer.first() == Some(&b'{') {
        TokenizerFile::Json(tokenizer.into())
    } else {
        TokenizerFile::Vocabulary(tokenizer.into())
    };
    let mut files = ModelFiles::new("fuzzed", config, weights, tokenizer);
    if !tokenizer_config.is_empty() {
        files = files.with_tokenizer_config(tokenizer_config.to_vec());
    }
    let options = ClassifierOptions::new().with_threads(NonZeroUsize::MIN);
    let Ok(classifier) = SequenceClassifier::from_files(files, &options) else {
        return;
    };
    let answers = classifier.classify(&["good and bad", "", "very good. [SEP] \u{e9} \u{4f60}"]);
    for answer in answers.into_iter().flatten() {
        let sum: f64 = answer.probabilities.iter().sum();
        assert!(answer.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!((sum - 1.0).abs() < 1e-6, "the probabilities sum to {sum}");
        assert!(answer.index < answer.logits.len());
        assert!(answer.tokens <= classifier.max_tokens());
    }
}

fuzz_target!(init: keep_panics(), |data: &[u8]| {
    // A panic on a thread of the classifier comes back to whoever asked it.
    if catch_unwind(AssertUnwindSafe(|| load_and_ask(data))).is_err() {
        if let Some((told, at)) = &*LAST_PANIC.lock().unwrap() {
            eprintln!("{told}\n{at}");
        }
        std::process::abort();
    }
});
