//! How fast texts are classified: packed against padded batches, one at a time, and by batch size.
//!
//! ```text
//! cargo bench -p ai-market-candle
//! ```
//!
//! `AI_MARKET_BENCH_MODEL` names another model than the bundled one, of either kind, and
//! `AI_MARKET_BENCH_THREADS` another number of threads than the processor has.

use std::hint::black_box;

use ai_market_candle::{ClassifierOptions, Model, ModelSource};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Token ids of texts whose lengths vary around `mean` as those of sentences do.
fn texts(classifier: &Model, count: usize, mean: usize) -> Vec<Vec<u32>> {
    let (max, vocab) = (
        classifier.max_tokens(),
        classifier.model().config().vocab_size as u64,
    );
    // A fixed sequence of pseudo-random numbers, the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count)
        .map(|_| {
            let length = mean / 2 + random() as usize % (mean + 1);
            (0..length.clamp(2, max))
                .map(|_| (random() % vocab) as u32)
                .collect()
        })
        .collect()
}

fn run(classifier: &Model, batches: &[Vec<&[u32]>]) {
    for batch in batches {
        black_box(classifier.model().logits(batch).unwrap_or_default());
    }
}

/// As many texts in a batch as have at most `budget` tokens together.
fn packed(texts: &[Vec<u32>], budget: usize) -> Vec<Vec<&[u32]>> {
    let mut batches: Vec<Vec<&[u32]>> = Vec::new();
    let mut tokens = usize::MAX;
    for text in texts {
        if tokens.saturating_add(text.len()) > budget {
            batches.push(Vec::new());
            tokens = 0;
        }
        tokens += text.len();
        if let Some(batch) = batches.last_mut() {
            batch.push(text);
        }
    }
    batches
}

fn bench(criterion: &mut Criterion) {
    let name = std::env::var("AI_MARKET_BENCH_MODEL").unwrap_or_else(|_| "bundled".to_owned());
    let options = ClassifierOptions::new();
    let threads = std::env::var("AI_MARKET_BENCH_THREADS")
        .ok()
        .and_then(|text| text.parse().ok());
    // 0 is as many as the processor has.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build();
    let Ok(pool) = pool else { return };
    let classifier = name
        .parse::<ModelSource>()
        .map_err(|error| error.to_string())
        .and_then(|source| {
            Model::load(&source, &options, &mut |_| {}).map_err(|e| format!("{e:?}"))
        });
    let classifier = match classifier {
        Ok(classifier) => classifier,
        Err(error) => {
            eprintln!("{name}: {error}");
            return;
        }
    };
    for (kind, mean) in [("short texts", 25), ("reviews", 123)] {
        let texts = texts(&classifier, 64, mean);
        let mut group = criterion.benchmark_group(format!("{kind} ({mean} tokens)"));
        group
            .sample_size(10)
            .throughput(Throughput::Elements(texts.len() as u64));
        let single: Vec<Vec<&[u32]>> = texts.iter().map(|text| vec![text.as_slice()]).collect();
        group.bench_function("one at a time", |b| {
            b.iter(|| pool.install(|| run(&classifier, &single)));
        });
        for budget in [256, 512, 1024] {
            let batches = packed(&texts, budget);
            let id = format!("packed, {budget} tokens");
            group.bench_function(id, |b| {
                b.iter(|| pool.install(|| run(&classifier, &batches)));
            });
        }
        // What padding costs: the same texts as 32 rows of the longest one's length.
        let padded: Vec<Vec<u32>> = texts
            .chunks(32)
            .flat_map(|chunk| {
                let longest = chunk.iter().map(Vec::len).max().unwrap_or(0);
                chunk.iter().map(move |text| {
                    let mut text = text.clone();
                    text.resize(longest, 0);
                    text
                })
            })
            .collect();
        let padded: Vec<Vec<&[u32]>> = padded
            .chunks(32)
            .map(|chunk| chunk.iter().map(Vec::as_slice).collect())
            .collect();
        group.bench_function("padded, 32 texts", |b| {
            b.iter(|| pool.install(|| run(&classifier, &padded)));
        });
        group.finish();
    }
    if name == "bundled" {
        criterion.bench_function("load the bundled model", |b| {
            b.iter(|| Model::load(&ModelSource::Bundled, &options, &mut |_| {}).is_ok());
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
