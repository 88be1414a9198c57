//! Inner loops on slices, written so that the compiler vectorises them.
//!
//! Everything here is `#[inline(always)]`, because [`dispatch`] compiles its argument for the best
//! instruction set that the processor has, and only what is inlined into it is compiled so.

use pulp::Arch;

/// Numbers per step of the loops below: one AVX-512 register, or two or four smaller ones.
pub(super) const LANES: usize = 16;

/// Runs `f`, compiled for the instructions of this processor.
pub(super) fn dispatch<R>(f: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(f)
}

/// `x ← e^x`, for `x ≤ 0`, with a relative error of about 1e-7; 0 below -87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // Not `max`, which would turn NaN into a number.
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the remainder is exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let fraction = p * r * r + r + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    fraction * power
}

/// `x · Φ(x)`, with an absolute error of about 3e-7 for `|x| < 4`.
///
/// The error function is Abramowitz and Stegun's 7.1.26.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152_1;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    let tail = p * t * exp(-(z * z));
    // erf(z) = 1 - tail, so Φ(x) is 1 - tail/2 to the right of 0 and tail/2 to the left of it.
    let half = 0.5 * tail;
    x * if x > 0.0 { 1.0 - half } else { half }
}

/// `row ← gelu(row + bias)`.
#[inline(always)]
pub(super) fn bias_gelu(row: &mut [f32], bias: &[f32]) {
    for (x, b) in row.iter_mut().zip(bias) {
        *x = gelu(*x + b);
    }
}

/// `row ← max(row + bias, 0)`.
#[inline(always)]
pub(super) fn bias_relu(row: &mut [f32], bias: &[f32]) {
    for (x, b) in row.iter_mut().zip(bias) {
        *x = (*x + b).max(0.0);
    }
}

/// Sums in `LANES` partial sums.
#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, tail) = row.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += term(*x);
        }
    }
    lanes.iter().sum::<f32>() + tail.iter().map(|x| term(*x)).sum::<f32>()
}

/// `row ← (row - mean) / √(variance + 1e-12) · gain + shift`.
#[inline(always)]
pub(super) fn layer_norm(row: &mut [f32], gain: &[f32], shift: &[f32]) {
    let len = row.len() as f32;
    let mean = sum(row, |x| x) / len;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / len;
    let scale = 1.0 / (variance + 1e-12).sqrt();
    for ((x, g), s) in row.iter_mut().zip(gain).zip(shift) {
        *x = (*x - mean) * scale * g + s;
    }
}

/// `row ← row + other + bias`.
#[inline(always)]
pub(super) fn add_biased(row: &mut [f32], other: &[f32], bias: &[f32]) {
    for ((x, y), b) in row.iter_mut().zip(other).zip(bias) {
        *x += y + b;
    }
}

/// Turns scores into weights that sum to 1.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32]) {
    let (chunks, tail) = row.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    let max = lanes
        .iter()
        .chain(tail)
        .fold(f32::NEG_INFINITY, |max, x| max.max(*x));
    for x in row.iter_mut() {
        *x = exp(*x - max);
    }
    let scale = 1.0 / sum(row, |x| x);
    for x in row.iter_mut() {
        *x *= scale;
    }
}

/// `c ← a · b`: `a` has rows of `inner` numbers `a_stride` apart, `b` is `[inner, columns]` and `c`
/// has rows of `columns` numbers; `columns` is a multiple of [`LANES`].
#[inline(always)]
pub(super) fn product(
    a: &[f32],
    a_stride: usize,
    rows: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    c: &mut [f32],
) {
    let mut row = 0;
    while row + 4 <= rows {
        product_rows::<4>(
            &a[row * a_stride..],
            a_stride,
            inner,
            b,
            columns,
            &mut c[row * columns..],
        );
        row += 4;
    }
    while row < rows {
        product_rows::<1>(
            &a[row * a_stride..],
            a_stride,
            inner,
            b,
            columns,
            &mut c[row * columns..],
        );
        row += 1;
    }
}

#[inline(always)]
fn product_rows<const ROWS: usize>(
    a: &[f32],
    a_stride: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    c: &mut [f32],
) {
    let a: [&[f32]; ROWS] = std::array::from_fn(|row| &a[row * a_stride..][..inner]);
    for column in (0..columns).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; ROWS];
        for (k, line) in b.chunks_exact(columns).enumerate().take(inner) {
            if let Some(line) = line[column..].first_chunk::<LANES>() {
                for (sums, a) in sums.iter_mut().zip(&a) {
                    let factor = a[k];
                    for (sum, x) in sums.iter_mut().zip(line) {
                        *sum += factor * x;
                    }
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            c[row * columns + column..][..LANES].copy_from_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // erf by its series in f64, exact to 1e-15 where it is used here.
    fn exact_gelu(x: f64) -> f64 {
        let z = x / std::f64::consts::SQRT_2;
        let (mut term, mut sum) = (z, z);
        for n in 1..200_u32 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        0.5 * x * (1.0 + sum * std::f64::consts::FRAC_2_SQRT_PI)
    }

    #[test]
    fn gelu_is_the_exact_one() {
        for step in -4000..=4000 {
            let x = f64::from(step) / 1000.0;
            let error = (f64::from(gelu(x as f32)) - exact_gelu(x)).abs();
            assert!(error < 1e-6, "gelu({x}) is off by {error}");
        }
        for (x, y) in [
            (0.0, 0.0),
            (20.0, 20.0),
            (-20.0, 0.0),
            (1e30, 1e30),
            (-1e30, 0.0),
        ] {
            assert!((gelu(x) - y).abs() < 1e-6, "gelu({x}) = {}", gelu(x));
        }
        assert!(gelu(f32::NAN).is_nan());
    }

    #[test]
    fn exp_is_precise_and_never_overflows() {
        for step in -8600..=0 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "exp({x})");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn rows_of_any_length_are_normalised() {
        for len in [1, 7, 16, 33] {
            let row: Vec<f32> = (0..len).map(|i| (i * i % 11) as f32 - 3.0).collect();
            let mut weights = row.clone();
            softmax(&mut weights);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let mut normed = row;
            layer_norm(&mut normed, &vec![2.0; len], &vec![1.0; len]);
            let mean = normed.iter().sum::<f32>() / len as f32;
            assert!((mean - 1.0).abs() < 1e-5, "{mean}");
        }
    }

    #[test]
    fn products_are_products() {
        let (rows, inner, columns) = (7, 5, 32);
        let a: Vec<f32> = (0..rows * 9).map(|i| (i % 13) as f32 - 6.0).collect();
        let b: Vec<f32> = (0..inner * columns).map(|i| (i % 7) as f32 - 3.0).collect();
        let mut c = vec![0.0; rows * columns];
        dispatch(|| product(&a, 9, rows, inner, &b, columns, &mut c));
        for row in 0..rows {
            for column in 0..columns {
                let exact: f32 = (0..inner)
                    .map(|k| a[row * 9 + k] * b[k * columns + column])
                    .sum();
                assert_eq!(c[row * columns + column], exact);
            }
        }
    }
}
