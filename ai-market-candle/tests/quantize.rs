//! Making 8-bit folders.

mod common;

use ai_market_candle::quantize::{QuantizeError, quantize, quantize_folder};
use ai_market_candle::{ClassifierOptions, Model, ModelFiles};
use common::{MODELS, cases, distance, files, fixture, network};

#[test]
fn an_8_bit_folder_loads_and_nearly_agrees() {
    for name in MODELS {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        let report = quantize_folder(&fixture(name), &out, false).unwrap();
        assert!(
            report.matrices > 0 && report.kept > report.matrices,
            "{report:?}"
        );
        let files = ModelFiles::from_folder(&out).unwrap();
        let quantized = network(&files);
        let whole = Model::from_files(files, &ClassifierOptions::new()).unwrap();
        assert_eq!(whole.info().identity.precision(), Some("int8"));
        for case in cases(&format!("{name}/cases.json")) {
            let found = quantized.logits(&[&case.ids]).unwrap();
            let spread = case
                .logits
                .iter()
                .fold(1.0_f32, |max, logit| max.max(logit.abs()));
            let error = distance(&found[0], &case.logits);
            assert!(error < 0.1 * spread, "{name}: off by {error}");
        }
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let files = files("one-layer");
    assert_eq!(quantize(&files).unwrap().0, quantize(&files).unwrap().0);
}

#[test]
fn nothing_is_overwritten_unasked_or_rounded_twice() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let quantize = |overwrite| quantize_folder(&fixture("one-layer"), folder.path(), overwrite);
    assert!(matches!(
        quantize(false),
        Err(QuantizeError::Occupied { .. })
    ));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    quantize(true).unwrap();
    let again = quantize_folder(folder.path(), &folder.path().join("again"), false);
    assert!(matches!(again, Err(QuantizeError::Already)));
    let nothing = quantize_folder(&fixture("nowhere"), &folder.path().join("x"), false);
    assert!(matches!(nothing, Err(QuantizeError::Load(_))));
    assert!(!folder.path().join("x").exists());
}
