//! The 8-bit form of a weight file.
//!
//! A matrix `NAME` of `[rows, columns]` is stored as I8 beside `NAME.scale`, one f32 per row, so
//! that `weight[r][c] = int8[r][c] * scale[r]`. Everything else is stored in F32. The metadata names
//! the form and its version.

/// The metadata key that names the form and its version. The only key, because the file's hash must
/// not depend on the order of a map.
pub(crate) const FORMAT_KEY: &str = "format";
/// What stands before the version under [`FORMAT_KEY`].
pub(crate) const FORMAT: &str = "ai-market-int8-rows/";
/// The version that is written, and the only one that can be read.
pub(crate) const VERSION: &str = "1";
/// What is appended to a matrix's name for its scales.
pub(crate) const SCALE_SUFFIX: &str = ".scale";

/// The largest 8-bit number used; -128 is not, so that the form is symmetric.
const LIMIT: f32 = 127.0;

/// Rounds a row of finite numbers to 8 bits, halves to even, and returns its scale.
///
/// A row of zeros has scale 0. So has one of such small numbers that the scale would vanish.
pub(crate) fn quantize_row(row: &[f32], out: &mut Vec<i8>) -> f32 {
    let largest = row.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    let scale = largest / LIMIT;
    if scale < f32::MIN_POSITIVE {
        out.resize(out.len() + row.len(), 0);
        return 0.0;
    }
    // The clamp catches a quotient that the rounded scale pushes past the limit.
    out.extend(
        row.iter()
            .map(|v| (v / scale).round_ties_even().clamp(-LIMIT, LIMIT) as i8),
    );
    scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn extremes_meet_the_limits_and_zeros_stay_zero() {
        let mut out = Vec::new();
        assert_eq!(
            quantize_row(&[127.0, -127.0, 0.5, 1.5, -2.5], &mut out),
            1.0
        );
        assert_eq!(out, [127, -127, 0, 2, -2]);
        out.clear();
        assert_eq!(quantize_row(&[0.0, -0.0], &mut out), 0.0);
        assert_eq!(quantize_row(&[f32::from_bits(1)], &mut out), 0.0);
        assert_eq!(out, [0, 0, 0]);
        assert_eq!(quantize_row(&[], &mut out), 0.0);
    }

    proptest! {
        #[test]
        fn a_number_moves_by_half_a_step_at_most(
            row in prop::collection::vec(-1e30_f32..1e30, 1..40), shrink in 0..60_i32,
        ) {
            let row: Vec<f32> = row.iter().map(|v| v * 10_f32.powi(-shrink)).collect();
            let mut out = Vec::new();
            let scale = quantize_row(&row, &mut out);
            for (value, byte) in row.iter().zip(&out) {
                let slack = scale.abs() * 0.5001 + f32::MIN_POSITIVE * 127.0;
                prop_assert!((value - f32::from(*byte) * scale).abs() <= slack);
            }
        }
    }
}
