use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::rows::{Change, Rows};

/// The first line of the file.
const HEADER: &[u8] = b"ai-market rows 1\n";

/// A file with one line for each group of steps: a checksum and the rows that the group changed, as
/// JSON.
///
/// When the file has doubled in size, it is compacted: a new file with one line for each row
/// replaces it.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
    compacted_bytes: u64,
    /// The lock is on a file of its own, since compaction replaces the log.
    _lock: File,
}

impl Log {
    /// Opens or creates a log for this process alone, replays it, and compacts it.
    ///
    /// A torn last line is dropped. No step of it was acknowledged.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Rows)> {
        let lock = File::create(path.with_added_extension("lock"))?;
        lock.try_lock()?;
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => HEADER.to_vec(),
            text => text?,
        };
        let mut rows = Rows::default();
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let mut intact = lines.next() == Some(HEADER);
        while let Some(line) = lines.next().filter(|_| intact) {
            let Some(json) = json_of(line) else {
                intact = lines.next().is_none();
                break;
            };
            for change in serde_json::from_slice::<Vec<Change>>(json)? {
                rows.apply(change);
            }
        }
        if !intact {
            let damaged = "the file is damaged, or is not the log of a market";
            return Err(io::Error::new(ErrorKind::InvalidData, damaged));
        }
        let (file, bytes) = write_compacted(path, &rows)?;
        let log = Self {
            path: path.to_owned(),
            file,
            bytes,
            compacted_bytes: bytes,
            _lock: lock,
        };
        Ok((log, rows))
    }

    /// Makes changes durable. `rows` are all rows after the changes.
    ///
    /// After an error the file may or may not contain the changes; nothing more may be committed
    /// until it was opened again.
    pub(super) fn commit(&mut self, changes: &[Change], rows: &Rows) -> io::Result<()> {
        const NEVER_COMPACTED_BELOW: u64 = 1 << 20;
        if changes.is_empty() {
            return Ok(());
        }
        if self.bytes > NEVER_COMPACTED_BELOW.max(2 * self.compacted_bytes) {
            (self.file, self.bytes) = write_compacted(&self.path, rows)?;
            self.compacted_bytes = self.bytes;
            return Ok(());
        }
        let line = line(changes)?;
        self.bytes += line.len() as u64;
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

/// Replaces the log with a new file of all rows, and returns the file and its size.
fn write_compacted(path: &Path, rows: &Rows) -> io::Result<(File, u64)> {
    let new_path = path.with_added_extension("new");
    let mut file = BufWriter::new(File::create(&new_path)?);
    file.write_all(HEADER)?;
    for key in rows.keys() {
        file.write_all(&line(&[rows.current(key.clone())])?)?;
    }
    let file = file.into_inner()?;
    file.sync_all()?;
    fs::rename(&new_path, path)?;
    if cfg!(unix) {
        // Without this, a power loss may bring the old file back.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(changes)?;
    Ok([checksum(&json).as_bytes(), &json, b"\n"].concat())
}

/// The JSON of a line; `None` for a torn or damaged line.
fn json_of(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
    (sum == checksum(json).as_bytes()).then_some(json)
}

fn checksum(json: &[u8]) -> String {
    format!("{:08x} ", crc32fast::hash(json))
}
