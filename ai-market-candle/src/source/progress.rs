/// What happens while a model is fetched; only the hub reports anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadEvent<'a> {
    /// A download begins.
    Started {
        /// The file.
        file: &'a str,
        /// Its size in bytes.
        bytes: u64,
    },
    /// More of the file that began last has come, or stood in the cache since an earlier try.
    Received {
        /// Bytes since the last event.
        bytes: u64,
    },
    /// The file that began last is there.
    Finished {
        /// The file.
        file: &'a str,
    },
}
