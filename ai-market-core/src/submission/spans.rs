use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Span;
use crate::id::{InvalidName, Label};

/// The named parts of one text: what a `ner` task is answered by.
///
/// Equal answers must be equal labels, byte for byte, so there is one canonical form: a JSON array of
/// objects with the fields `start`, `end` and `type` in this order, sorted by start, then end, then
/// type, none twice; without white space, and with nothing escaped but what JSON demands. It is
/// what [`Display`](fmt::Display) and [`to_label`](Self::to_label) write:
///
/// ```
/// use ai_market_core::id::EntityType;
/// use ai_market_core::submission::{Span, Spans};
///
/// let (person, place) = (EntityType::new("PER")?, EntityType::new("LOC")?);
/// let spans = Spans::new([Span::new(15, 21, place)?, Span::new(0, 5, person)?]);
/// let label = spans.to_label()?;
/// assert_eq!(
///     label.as_str(),
///     r#"[{"start":0,"end":5,"type":"PER"},{"start":15,"end":21,"type":"LOC"}]"#
/// );
///
/// let text = "Alice lives in Zürich.";
/// let found: Spans = label.as_str().parse()?;
/// assert_eq!(found.iter().next().and_then(|span| span.text_in(text)), Some("Alice"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Scores have no place in it, since two machines never agree on them to the last digit, and neither
/// has the text that a span covers, since [`Span::text_in`] finds it. An empty array says that
/// nothing was found. Spans may overlap. Reading takes any JSON with these fields, in any order and
/// with white space; whether a label is canonical shows in writing it again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Span>", into = "Vec<Span>")]
pub struct Spans(Vec<Span>);

/// A text that is no JSON array of spans.
#[derive(Debug, thiserror::Error)]
#[error("the text is no list of spans")]
pub struct InvalidSpans(#[source] Box<dyn Error + Send + Sync>);

impl Spans {
    /// Takes spans in any order; equal ones count once.
    #[must_use]
    pub fn new(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans: Vec<Span> = spans.into_iter().collect();
        spans.sort_unstable();
        spans.dedup();
        Self(spans)
    }

    /// The spans in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Span> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The canonical form as a label.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it is longer than [`Label::MAX_BYTES`]. Coordinators take less by
    /// default: [`Limits::max_label_bytes`](crate::coordinator::Limits::max_label_bytes).
    pub fn to_label(&self) -> Result<Label, InvalidName> {
        Label::new(self.to_string())
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Spans {
    type Err = InvalidSpans;

    fn from_str(text: &str) -> Result<Self, InvalidSpans> {
        serde_json::from_str(text).map_err(|error| InvalidSpans(error.into()))
    }
}

impl TryFrom<&Label> for Spans {
    type Error = InvalidSpans;

    fn try_from(label: &Label) -> Result<Self, InvalidSpans> {
        label.as_str().parse()
    }
}

impl From<Vec<Span>> for Spans {
    fn from(spans: Vec<Span>) -> Self {
        Self::new(spans)
    }
}

impl From<Spans> for Vec<Span> {
    fn from(spans: Spans) -> Self {
        spans.0
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        Self::new(spans)
    }
}

impl<'a> IntoIterator for &'a Spans {
    type Item = &'a Span;
    type IntoIter = std::slice::Iter<'a, Span>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Spans {
    type Item = Span;
    type IntoIter = std::vec::IntoIter<Span>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::EntityType;

    fn span(start: usize, end: usize, kind: &str) -> Span {
        Span::new(start, end, EntityType::new(kind).unwrap()).unwrap()
    }

    #[test]
    fn equal_answers_are_equal_labels() {
        let (a, b, c) = (span(2, 4, "PER"), span(2, 3, "PER"), span(2, 3, "LOC"));
        let orders = [
            vec![a.clone(), b.clone(), c.clone()],
            vec![c.clone(), a.clone(), b.clone(), a.clone()],
            vec![b, c, a],
        ];
        let labels: Vec<Label> = orders
            .into_iter()
            .map(|spans| Spans::new(spans).to_label().unwrap())
            .collect();
        assert_eq!(
            labels[0].as_str(),
            r#"[{"start":2,"end":3,"type":"LOC"},{"start":2,"end":3,"type":"PER"},{"start":2,"end":4,"type":"PER"}]"#
        );
        assert!(labels.iter().all(|label| *label == labels[0]));
        assert_eq!(Spans::default().to_label().unwrap().as_str(), "[]");
        assert!(
            Spans::try_from(&Label::new("[]").unwrap())
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn any_json_of_spans_is_read_and_nothing_else() {
        let loose = " [ {\"type\": \"\\u00c9\\\"\", \"end\": 9,\n\"start\": 7}, {\"start\":0,\"end\":1,\"type\":\"O\"} ] ";
        let spans: Spans = loose.parse().unwrap();
        assert_eq!(spans, Spans::new([span(0, 1, "O"), span(7, 9, "É\"")]));
        assert_eq!(
            spans.to_string(),
            r#"[{"start":0,"end":1,"type":"O"},{"start":7,"end":9,"type":"É\""}]"#
        );
        for wrong in [
            "",
            "positive",
            "{}",
            "[1]",
            "[] []",
            r#"[{"start":0,"end":1}]"#,
            r#"[{"start":1,"end":1,"type":"PER"}]"#,
            r#"[{"start":2,"end":1,"type":"PER"}]"#,
            r#"[{"start":-1,"end":1,"type":"PER"}]"#,
            r#"[{"start":0.5,"end":1,"type":"PER"}]"#,
            r#"[{"start":"0","end":1,"type":"PER"}]"#,
            r#"[{"start":0,"end":1,"type":""}]"#,
            r#"[{"start":0,"end":1,"type":" PER"}]"#,
            r#"[{"start":0,"end":1,"type":"PER","score":0.5}]"#,
            r#"[{"start":0,"start":0,"end":1,"type":"PER"}]"#,
            r#"[{"start":0,"end":1,"type":"PER"},]"#,
        ] {
            let error = wrong.parse::<Spans>().unwrap_err();
            assert!(error.source().is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_span_is_found_by_characters() {
        let text = "a\u{301}é😀中";
        for (start, end, found) in [
            (0, 1, Some("a")),
            (1, 2, Some("\u{301}")),
            (2, 5, Some("é😀中")),
            (4, 5, Some("中")),
            (4, 6, None),
            (5, 6, None),
            (6, 7, None),
            (0, usize::MAX, None),
        ] {
            assert_eq!(
                span(start, end, "X").text_in(text),
                found,
                "{start} to {end}"
            );
        }
    }

    #[test]
    fn a_label_that_is_too_long_is_refused() {
        let many = |count: usize| Spans::new((0..count).map(|at| span(at, at + 1, "PER")));
        assert!(many(1000).to_label().is_ok());
        assert!(many(2000).to_label().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            parts in prop::collection::vec((0..50_usize, 1..9_usize, "[^\\s\\pC]{1,4}"), 0..8)
        ) {
            let spans = Spans::new(parts.into_iter().map(|(start, len, kind)| span(start, start + len, &kind)));
            let label = spans.to_label().unwrap();
            prop_assert_eq!(&Spans::try_from(&label).unwrap(), &spans);
            prop_assert_eq!(spans.to_string(), label.to_string());
        }
    }
}
