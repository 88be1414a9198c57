use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// The size of the header of a SQLite file, and of the first page's B-tree behind it.
const SIZE: usize = 108;

const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;
/// Bytes that SQLite keeps zero, behind the application id.
const RESERVED: Range<usize> = 72..92;
const SQLITE_VERSION_AT: usize = 96;

/// The first bytes of a file.
#[derive(Debug)]
pub(super) struct Header(Vec<u8>);

impl Header {
    /// Reads it; there is none in an empty file.
    pub(super) fn read(file: File) -> io::Result<Option<Self>> {
        let mut header = Vec::with_capacity(SIZE);
        file.take(SIZE as u64).read_to_end(&mut header)?;
        Ok((!header.is_empty()).then_some(Self(header)))
    }

    /// Whether it is one of a SQLite file.
    pub(super) fn is_sqlite(&self) -> bool {
        self.0.starts_with(b"SQLite format 3\0") && self.0.len() >= SIZE
    }

    /// Whether no part of it is missing: a header of SQLite of which only the front was written has
    /// something else where these are.
    pub(super) fn is_whole(&self) -> bool {
        self.is_sqlite()
            && self.0[RESERVED].iter().all(|byte| *byte == 0)
            && self.number(SQLITE_VERSION_AT) != 0
    }

    /// Whose database it is; 0 where it does not say.
    pub(super) fn application_id(&self) -> u32 {
        self.number(APPLICATION_ID_AT)
    }

    /// The version of the schema; 0 where it does not say.
    pub(super) fn user_version(&self) -> u32 {
        self.number(USER_VERSION_AT)
    }

    /// Whether nobody wrote to the database: the first page is a leaf of a table without rows.
    pub(super) fn is_empty(&self) -> bool {
        self.is_sqlite() && self.0[100] == 0x0d && self.0[103..105] == [0, 0]
    }

    /// The big-endian number at `at`; 0 where this is no header of a SQLite file.
    fn number(&self, at: usize) -> u32 {
        if !self.is_sqlite() {
            return 0;
        }
        let bytes = self.0[at..at + 4].iter();
        bytes.fold(0, |n, b| n << 8 | u32::from(*b))
    }
}
