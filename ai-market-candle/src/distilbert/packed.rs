use std::ops::Range;

/// The tokens of several texts, end to end.
#[derive(Debug)]
pub(super) struct Packed<'a> {
    pub(super) texts: &'a [&'a [u32]],
    /// Which rows belong to each text.
    pub(super) spans: Vec<Range<usize>>,
    /// Rows in all.
    pub(super) rows: usize,
}

impl<'a> Packed<'a> {
    pub(super) fn new(texts: &'a [&'a [u32]]) -> Self {
        let mut rows = 0;
        let spans = texts
            .iter()
            .map(|text| {
                let start = rows;
                rows += text.len();
                start..rows
            })
            .collect();
        Self { texts, spans, rows }
    }
}
