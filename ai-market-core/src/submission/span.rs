use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::id::EntityType;

/// A part of a text, and what it is.
///
/// Spans are ordered by start, then end, then kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Span {
    start: usize,
    end: usize,
    kind: EntityType,
}

/// A span that covers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span from {start} to {end} covers nothing")]
pub struct InvalidSpan {
    start: usize,
    end: usize,
}

/// How a span is written; the order of the fields is part of the canonical form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: EntityType,
}

impl Span {
    /// The characters from `start` up to, not including, `end` are a `kind`.
    ///
    /// Characters are Unicode scalar values, which is what Python counts; the first one is 0.
    ///
    /// # Errors
    ///
    /// [`InvalidSpan`] unless `start` is below `end`.
    pub fn new(start: usize, end: usize, kind: EntityType) -> Result<Self, InvalidSpan> {
        if start < end {
            Ok(Self { start, end, kind })
        } else {
            Err(InvalidSpan { start, end })
        }
    }

    /// The first character.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// The character after the last one.
    #[must_use]
    pub fn end(&self) -> usize {
        self.end
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &EntityType {
        &self.kind
    }

    /// Its bytes in `text`; none when the text ends before the span does.
    #[must_use]
    pub fn bytes_in(&self, text: &str) -> Option<Range<usize>> {
        let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
        // Byte positions between characters: before the first, and after each.
        let mut between = std::iter::once(0).chain(ends);
        let start = between.nth(self.start)?;
        let end = between.nth(self.end - self.start - 1)?;
        Some(start..end)
    }

    /// What it covers of `text`; none when the text ends before the span does.
    ///
    /// ```
    /// use ai_market_core::id::EntityType;
    /// use ai_market_core::submission::Span;
    ///
    /// let span = Span::new(3, 9, EntityType::new("LOC")?)?;
    /// assert_eq!(span.text_in("In Zürich."), Some("Zürich"));
    /// assert_eq!(span.text_in("In Bern"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn text_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(self.bytes_in(text)?)
    }
}

impl TryFrom<Fields> for Span {
    type Error = InvalidSpan;

    fn try_from(fields: Fields) -> Result<Self, InvalidSpan> {
        Self::new(fields.start, fields.end, fields.kind)
    }
}

impl From<Span> for Fields {
    fn from(span: Span) -> Self {
        let Span { start, end, kind } = span;
        Self { start, end, kind }
    }
}
