use ai_market_core::id::Label;

/// A text, with the label that a person gave it where one did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The text.
    pub text: String,
    /// What a person says of it.
    pub expected: Option<Label>,
}

/// The sample file: everyday sentences, each with the label that its writer gave it.
const SAMPLE: &str = include_str!("../data/sentiment.tsv");

/// The sample sentences.
#[must_use]
pub fn sample() -> Vec<Sentence> {
    let lines = SAMPLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (label, text) = line.split_once('\t')?;
            Some(Sentence {
                text: text.to_owned(),
                expected: Some(Label::new(label).ok()?),
            })
        })
        .collect()
}

/// One text per line of `file`; lines that are empty are passed over.
#[must_use]
pub fn sentences_of(file: &str) -> Vec<Sentence> {
    let lines = file.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| Sentence {
            text: line.to_owned(),
            expected: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_balanced_and_without_repetition() {
        let sentences = sample();
        let positive = |s: &&Sentence| {
            s.expected
                .as_ref()
                .is_some_and(|l| l.as_str() == "positive")
        };
        let n = sentences.iter().filter(positive).count();
        assert!(sentences.len() >= 60, "{}", sentences.len());
        assert!(
            n.abs_diff(sentences.len() - n) <= sentences.len() / 5,
            "{n}"
        );
        let mut texts: Vec<_> = sentences.iter().map(|sentence| &sentence.text).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), sentences.len());
    }
}
