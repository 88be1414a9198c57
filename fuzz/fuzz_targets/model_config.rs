//! `config.json` of a model.

#![no_main]

use ai_market_candle::ModelConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match ModelConfig::from_json(data) {
        Ok(config) => {
            assert!(config.head_dim() * config.n_heads == config.dim);
            assert!((1..=ModelConfig::MAX_LABELS).contains(&config.labels.len()));
            if let Ok(labels) = config.lowercase_labels() {
                assert_eq!(labels.len(), config.labels.len());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
