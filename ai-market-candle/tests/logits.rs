//! Logits against PyTorch's, for models of many shapes and for the bundled one.

mod common;

use ai_market_candle::{ForwardError, Precision};
use common::{MODELS, bundled, cases, distance, model};

const TOLERANCE: f32 = 1e-4;

#[test]
fn logits_equal_those_of_pytorch_one_by_one() {
    let mut largest = 0.0_f32;
    for name in MODELS {
        let model = model(name);
        for case in cases(&format!("{name}/cases.json")) {
            let found = model.logits(&[&case.ids]).unwrap();
            let error = distance(&found[0], &case.logits);
            assert!(
                error <= TOLERANCE,
                "{name}, {} tokens: off by {error}",
                case.ids.len()
            );
            largest = largest.max(error);
        }
    }
    println!("largest difference: {largest:e}");
}

#[test]
fn logits_equal_those_of_pytorch_in_packed_batches() {
    for name in MODELS {
        let model = model(name);
        let cases = cases(&format!("{name}/cases.json"));
        // The lengths as they come, reversed, and each several times over.
        for turn in 0..3 {
            let mut batch: Vec<_> = cases.iter().collect();
            match turn {
                1 => batch.reverse(),
                2 => {
                    batch = batch
                        .iter()
                        .cycle()
                        .take(batch.len() * 3 + 1)
                        .copied()
                        .collect();
                }
                _ => {}
            }
            let ids: Vec<&[u32]> = batch.iter().map(|case| &*case.ids).collect();
            for (found, case) in model.logits(&ids).unwrap().iter().zip(&batch) {
                let error = distance(found, &case.logits);
                assert!(
                    error <= TOLERANCE,
                    "{name}, {} tokens: off by {error}",
                    case.ids.len()
                );
            }
        }
    }
}

#[test]
fn stored_precisions_are_told() {
    assert_eq!(model("one-layer").precision(), Precision::F32);
    assert_eq!(model("one-head-half").precision(), Precision::F16);
    assert_eq!(model("long-bfloat16").precision(), Precision::Bf16);
    assert_eq!(bundled().model().precision(), Precision::Int8);
}

#[test]
fn the_bundled_model_reads_texts_as_transformers_does() {
    let classifier = bundled();
    for case in cases("bundled.json") {
        let tokens = classifier.tokenizer().encode(&case.text).unwrap();
        assert_eq!(tokens.ids, case.ids, "{:?}", case.text);
        assert_eq!(tokens.truncated, case.truncated, "{:?}", case.text);
    }
}

#[test]
fn the_bundled_model_equals_pytorch_on_its_weights() {
    let classifier = bundled();
    let cases = cases("bundled.json");
    let texts: Vec<&str> = cases.iter().map(|case| &*case.text).collect();
    let mut largest = 0.0_f32;
    let together = classifier.classify(&texts);
    for (case, together) in cases.iter().zip(together) {
        let alone = classifier.classify(&[&case.text]).pop().unwrap().unwrap();
        for found in [together.unwrap(), alone] {
            let error = distance(&found.logits, &case.logits);
            assert!(error <= TOLERANCE, "{:?}: off by {error}", case.text);
            assert_eq!(found.truncated, case.truncated);
            assert_eq!(found.tokens, case.ids.len());
            largest = largest.max(error);
        }
    }
    println!("largest difference: {largest:e}");
}

#[test]
fn ids_that_cannot_be_computed_are_named() {
    let model = model("one-layer");
    assert!(model.logits(&[]).unwrap().is_empty());
    let good: &[u32] = &[1, 2];
    assert!(matches!(
        model.logits(&[good, &[]]),
        Err(ForwardError::Empty { text: 1 })
    ));
    let error = model.logits(&[good, &[39, 40]]).unwrap_err();
    assert!(matches!(
        error,
        ForwardError::UnknownToken {
            text: 1,
            id: 40,
            vocab_size: 40
        }
    ));
    let error = model.logits(&[&[1; 17]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text 0 of the batch has 17 tokens; the model reads 16"
    );
}
