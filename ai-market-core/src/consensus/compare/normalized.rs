use unicode_normalization::UnicodeNormalization;

use crate::id::{Label, PolicyName};

use super::Comparator;

/// Answers say the same when they have the same letters and digits in the same words: compatibility
/// forms (NFKC), upper and lower case, punctuation and white space make no difference.
///
/// Marks inside a word are left out, so that `don't` is `dont`; everything else that is neither a
/// letter, a digit nor white space separates words. An answer without any letter or digit is
/// compared as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Normalized;

/// Apostrophes and hyphens between letters belong to the word.
fn joins(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '-' | '\u{2010}' | '\u{2011}')
}

fn words(text: &str) -> Vec<String> {
    let folded: String = text
        .nfkc()
        .flat_map(char::to_lowercase)
        .nfkc()
        .filter(|c| !joins(*c))
        .map(|c| {
            if c.is_alphanumeric() || is_mark(c) {
                c
            } else {
                ' '
            }
        })
        .collect();
    folded.split_whitespace().map(str::to_owned).collect()
}

/// Accents that compose with no letter before them stay with it.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

impl Comparator for Normalized {
    fn name(&self) -> PolicyName {
        PolicyName::new("normalized/1").unwrap_or_else(|_| unreachable!("a valid literal"))
    }

    fn same(&self, one: &Label, other: &Label) -> bool {
        if one == other {
            return true;
        }
        let one = words(one.as_str());
        !one.is_empty() && one == words(other.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let (one, other) = (Label::new(one).unwrap(), Label::new(other).unwrap());
        let both = [Normalized.same(&one, &other), Normalized.same(&other, &one)];
        assert_eq!(both[0], both[1], "symmetric");
        both[0]
    }

    #[test]
    fn case_punctuation_and_white_space_make_no_difference() {
        assert!(same("The cat sat.", "the  cat sat"));
        assert!(same("Don\u{2019}t go!", "dont go"));
        assert!(same("a,b", "a b"));
        assert!(same("\u{fb01}ne caf\u{e9}", "FINE CAFE\u{301}"));
    }

    #[test]
    fn words_make_a_difference() {
        assert!(!same("The cat sat", "The cats at"));
        assert!(!same("caf\u{e9}", "cafe"));
        assert!(!same("1.5", "15"));
        assert!(!same("!", "?"));
        assert!(same("\u{1f600}", "\u{1f600}"));
    }
}
