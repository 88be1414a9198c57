/// The number of the largest of some finite logits; the first of those that are equally large.
///
/// Logits decide, not probabilities, which can round to the same number.
pub(crate) fn largest(logits: &[f32]) -> usize {
    let first = (0, f32::NEG_INFINITY);
    let larger = |best: (usize, f32), (index, logit): (usize, &f32)| {
        if *logit > best.1 {
            (index, *logit)
        } else {
            best
        }
    };
    logits.iter().enumerate().fold(first, larger).0
}

/// Probabilities of finite logits.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|x| (f64::from(*x) - f64::from(max)).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_however_large_the_logits() {
        for logits in [
            &[0.0, 0.0][..],
            &[3e38, -3e38],
            &[-1e30, -1e30, -1e30],
            &[88.0, 89.0, 1.0],
        ] {
            let probabilities = softmax(logits);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        }
        assert_eq!(softmax(&[1.0, 1.0]), [0.5, 0.5]);
    }

    #[test]
    fn the_first_of_equals_is_the_largest() {
        assert_eq!(largest(&[-1.0, 2.0, 2.0]), 1);
        assert_eq!(largest(&[-3e38, -3e38]), 0);
    }
}
