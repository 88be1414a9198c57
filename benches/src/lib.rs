//! Load programs that measure the whole market; run them with `cargo bench -p ai-market-benches`.
